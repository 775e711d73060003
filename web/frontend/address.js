// What a page shows lives in its address, so that a copied link shows the same.

export function read(name) {
  return new URLSearchParams(location.search).get(name);
}

// Null removes a part. The entry in the history is replaced: "back" leaves the page instead of undoing a slider.
export function write(parts) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(parts)) {
    if (value === null || value === undefined || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  history.replaceState(history.state, "", text ? `?${text}` : location.pathname);
}
