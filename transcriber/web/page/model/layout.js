/** How tiles are laid out so that each is as large as it can be. */

const RATIO = 16 / 9;
/** How much taller a tile may be than a picture: people are in the middle of theirs. */
const TALLER = 1.4;
/** Below this many pixels of height a picture needs no more than the layer. */
const LAYERS = [
  [200, "low"],
  [420, "mid"],
];

/** `{columns, rows, width, height}` of the best grid for so many tiles in an area. */
export function grid(count, { width, height, gap = 0 }) {
  let best = { columns: 1, rows: Math.max(count, 1), width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const across = (width - gap * (columns - 1)) / columns;
    const down = (height - gap * (rows - 1)) / rows;
    const tile = fitted(across, down);
    if (tile.width * tile.height > best.width * best.height) best = { columns, rows, ...tile };
  }
  return best;
}

/** The layer of a video that is worth being sent for a picture of a height in device pixels. */
export function layer(height) {
  return LAYERS.find(([limit]) => height < limit)?.[1] ?? "high";
}

function fitted(across, down) {
  const width = Math.max(0, Math.floor(Math.min(across, down * RATIO)));
  const height = Math.max(0, Math.floor(Math.min(down, (width / RATIO) * TALLER)));
  return { width, height };
}
