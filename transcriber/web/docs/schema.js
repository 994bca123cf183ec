/** Schemas, as people read them: their fields, and an example of what fits. */

const DEEPEST = 6;

/** Follow a reference to where it points in the description. */
function resolved(api, schema) {
  if (!schema.$ref) return schema;
  return schema.$ref.slice(2).split("/").reduce((where, name) => where[name], api);
}

/** The fields of an object: their names, types, and whether they must be there. */
export function fields(api, schema) {
  const { properties = {}, required = [] } = resolved(api, schema);
  return Object.entries(properties).map(([name, one]) => ({
    name,
    type: `${kind(api, one)}${required.includes(name) ? ", required" : ""}`,
  }));
}

function kind(api, schema) {
  const found = resolved(api, schema);
  if (found.enum) return found.enum.join(" | ");
  if (found.const !== undefined) return String(found.const);
  if (found.type === "array") return `list of ${kind(api, found.items ?? {})}`;
  const choices = found.anyOf ?? found.oneOf;
  return choices ? choices.map((one) => kind(api, one)).join(" | ") : (found.type ?? "anything");
}

/** Something that fits a schema. */
export function example(api, schema, depth = 0) {
  const found = resolved(api, schema);
  const choices = found.anyOf ?? found.oneOf ?? found.allOf;
  if (found.default !== undefined && found.default !== null) return found.default;
  if (found.examples) return found.examples[0];
  if (found.const !== undefined) return found.const;
  if (found.enum) return found.enum[0];
  if (depth > DEEPEST) return null;
  if (choices) return example(api, choices[0], depth + 1);
  return made(api, found, depth);
}

function made(api, schema, depth) {
  switch (schema.type) {
    case "object":
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, one]) => [name, example(api, one, depth + 1)]),
      );
    case "array":
      return schema.items ? [example(api, schema.items, depth + 1)] : [];
    case "integer":
    case "number":
      return schema.minimum ?? 0;
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return schema.format === "date-time" ? "2026-01-31T12:00:00.000Z" : "...";
  }
}
