/** Languages as choices: `{value, label}`, in the order of their names. */

/** The server's languages, each by the name its speakers give it. */
export function choices(languages) {
  const named = languages.map(({ code, name }) => ({ value: code, label: name || nameOf(code) }));
  return named.sort((one, other) => one.label.localeCompare(other.label));
}

/** What a language calls itself, as far as the browser knows; else its code. */
export function nameOf(code) {
  try {
    const name = new Intl.DisplayNames([code], { type: "language" }).of(code) ?? code;
    return name.charAt(0).toLocaleUpperCase(code) + name.slice(1);
  } catch {
    return code;
  }
}
