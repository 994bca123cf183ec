/** Server-sent events, read from pieces of text as they come over the network. */

export class Events {
  #rest = "";

  /** The events that a piece of text completes: `[{id, event, data}]`. */
  feed(text) {
    const blocks = (this.#rest + text).split(/\r?\n\r?\n/);
    this.#rest = blocks.pop();
    return blocks.map(parsed).filter((one) => one.data !== undefined);
  }
}

function parsed(block) {
  const result = { id: "", event: "message", data: undefined };
  const data = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = line.match(/^([^:]*):? ?(.*)$/);
    if (field === "data") data.push(value);
    else if (field in result) result[field] = value;
  }
  if (data.length) result.data = JSON.parse(data.join("\n"));
  return result;
}
