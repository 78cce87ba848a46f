// Asks the API as any client would. Cookies say who asks, and are out of reach here; what changes something also shows
// the token of the one cookie that this page can read, and no other page.

const proof = () => document.cookie.match(/(?:^|; )__Host-csrf=([^;]+)/)?.[1];
let refreshing = null;

/** Whether the browser keeps somebody logged in, as far as a page can tell. */
export const isKept = () => proof() !== undefined;

export async function ask(path, { method = "GET", json, signal, hear } = {}) {
  const send = () => {
    const headers = { Accept: "application/json" };
    if (json !== undefined) headers["Content-Type"] = "application/json";
    if (method !== "GET" && isKept()) headers["X-CSRF-Token"] = proof();
    return fetch(path, { method, headers, signal, body: JSON.stringify(json) });
  };
  let answer = await send();
  if (answer.status === 401 && isKept() && (await refreshed())) answer = await send();
  hear?.(answer.headers);
  if (answer.status === 204) return null;
  const body = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(body.detail), { problem: body });
  return body;
}

/** An access token is good for minutes; for a new one it is asked once, however many requests need it. */
function refreshed() {
  const headers = { "X-CSRF-Token": proof() };
  refreshing ??= fetch("/auth/refresh", { method: "POST", headers }).finally(() => (refreshing = null));
  return refreshing.then((answer) => {
    if (answer.status === 401) document.cookie = "__Host-csrf=; Path=/; Secure; Max-Age=0";
    return answer.ok;
  });
}

/** Say what the API said: its detail, and of each parameter or field what is wrong with it. */
export function explain({ problem }, place) {
  const said = document.createElement("p");
  said.textContent = problem?.detail ?? "The shop does not answer. Is it still open?";
  const details = document.createElement("ul");
  for (const error of problem?.errors ?? []) {
    const line = details.appendChild(document.createElement("li"));
    line.append(Object.assign(document.createElement("code"), { textContent: nameOf(error) }), ` ${error.detail}`);
  }
  place.replaceChildren(said, details);
}

/** Mark the fields of a form that the API refused. */
export function mark(form, { problem } = {}) {
  const names = (problem?.errors ?? []).map(nameOf);
  for (const field of form.elements) {
    if (names.includes(field.name)) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
}

const nameOf = (error) => error.parameter ?? error.pointer.replace("#/", "");
