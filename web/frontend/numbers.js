// Numbers for people: fixed decimals within a column, a narrow space between thousands, a real minus sign.

export function decimalsFor(values, digits = 4) {
  const largest = Math.max(...values.map(Math.abs).filter(Number.isFinite), 0);
  if (largest === 0) return 0;
  return Math.min(4, Math.max(0, digits - 1 - Math.floor(Math.log10(largest))));
}

export function format(value, decimals) {
  if (value === null || value === undefined) return "–";
  const [whole, fraction] = Math.abs(value).toFixed(decimals).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return (value < 0 ? "−" : "") + grouped + (fraction ? `.${fraction}` : "");
}

export const formatOne = (value) => format(value, value === null || Number.isInteger(value) ? 0 : decimalsFor([value]));

// A number as half of the world writes it, with a decimal comma, too; a number field would drop the comma without a word and
// make 5 of 0,5. NaN where the text is no number.
export function parseNumber(text) {
  const trimmed = text.trim();
  // 1,000 may be one or a thousand: nobody may guess.
  if (/^[1-9]\d*,\d{3}$/.test(trimmed)) return NaN;
  return /^\d+([.,]\d+)?(e[+-]?\d+)?$/i.test(trimmed) ? Number(trimmed.replace(",", ".")) : NaN;
}

// nm/px that the portal takes.
const [SMALLEST_PIXEL_SIZE, LARGEST_PIXEL_SIZE] = [0.0001, 1000000];
export const PIXEL_SIZE_NEEDED = `A number of nm between ${SMALLEST_PIXEL_SIZE} and ${LARGEST_PIXEL_SIZE}, such as 0.42 or 0,42.`;

export const isPixelSize = (value) => value >= SMALLEST_PIXEL_SIZE && value <= LARGEST_PIXEL_SIZE;

// A pixel size to so many significant digits, without the zeros behind them.
export function formatPixelSize(value, digits = 6) {
  const decimals = Math.min(12, Math.max(0, digits - 1 - Math.floor(Math.log10(value))));
  const text = format(value, decimals);
  return `${text.includes(".") ? text.replace(/\.?0+$/, "") : text} nm/px`;
}

// The size of a file to three digits.
export function sizeOf(bytes) {
  const power = Math.min(3, Math.max(0, Math.floor(Math.log10(Math.max(bytes, 1)) / 3)));
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${["B", "kB", "MB", "GB"][power]}`;
}

export const countOf = (n) => format(n, 0);
