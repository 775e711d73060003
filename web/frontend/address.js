// What a page shows lives in its address, so that a copied link shows the same.

export function read(name) {
  return new URLSearchParams(location.search).get(name);
}

export function readAll(name) {
  return new URLSearchParams(location.search).getAll(name);
}

// Null removes a part, a list writes it several times. The entry in the history is replaced: "back" leaves the page instead of undoing a slider.
export function write(parts) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(parts)) {
    query.delete(name);
    for (const each of [value].flat()) if (each !== null && each !== undefined && each !== "") query.append(name, each);
  }
  const text = query.toString();
  history.replaceState(history.state, "", text ? `?${text}` : location.pathname);
}
