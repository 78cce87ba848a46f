// Asks the server over HTTP. Cookies say who asks, and no script can read them; what changes something also shows the
// one cookie that this page can read, and no page of another site.

const proof = () => document.cookie.match(/(?:^|; )(?:__Host-)?csrf=([^;]*)/)?.[1] ?? "";
let refreshing = null;

/** Whether the browser keeps somebody logged in, as far as a page can tell. */
export const isKept = () => proof() !== "";

async function send(path, { method = "GET", json } = {}) {
  const headers = { Accept: "application/json", "X-CSRF-Token": proof() };
  if (json !== undefined) headers["Content-Type"] = "application/json";
  return fetch(path, { method, headers, body: JSON.stringify(json) });
}

/**
 * Make a request, and once more where the access token had ended: it is good for minutes.
 *
 * @returns {Promise<any>} The answer's JSON. Fails with the problem as the error's `cause`.
 */
export async function ask(path, options) {
  let answer = await send(path, options);
  if (answer.status === 401 && path !== "/auth/login" && isKept()) {
    refreshing ??= send("/auth/refresh", { method: "POST" }).finally(() => (refreshing = null));
    if ((await refreshing).ok) answer = await send(path, options);
  }
  const body = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(sentence(body), { cause: body });
  return body;
}

/** What a problem says, and what of it each field is to blame for. */
function sentence({ detail, title, errors = [] }) {
  return [detail ?? title, ...errors.map((error) => error.detail)].join(" ");
}
