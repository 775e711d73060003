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
