// The account corner: log in or register, buy, look at one's orders and see them shipped, log out here or everywhere.

import { connect } from "/brickwork.js";
import { ask, explain, isKept, mark } from "./api.js";

const find = (id) => document.getElementById(id);
const [gate, door, refusal, advice] = ["gate", "door", "refusal", "advice"].map(find);
const [said, orders, older] = ["said", "orders", "older"].map(find);
const row = find("order").content;

let user = null;
let next = null;
let answer = null;
let fading;
let live = null;

/** Buy a copy of a book, once it is known for whom; give whether it was bought. */
export async function buy(book) {
  if (user === null && !(await logIn(`to buy “${book.title}”`))) return false;
  try {
    const order = await ask("/orders", { method: "POST", json: { lines: [{ book_id: book.id, quantity: 1 }] } });
    say(`“${book.title}” is yours for € ${order.total}.`);
    await look();
    return true;
  } catch (error) {
    return refused(error) && buy(book);
  }
}

/** Open the door; it is closed again by a login, or by whoever changes their mind. */
function logIn(why = "") {
  find("gate-why").textContent = why;
  refusal.replaceChildren();
  mark(door);
  say("");
  gate.returnValue = "";
  gate.showModal();
  door.elements.login.focus();
  return new Promise((resolve) => (answer = resolve));
}

/** What opened the door has the focus again, unless it is there for strangers alone. */
function closed() {
  if (user !== null && !document.activeElement.closest("main")) find("mine").focus();
  answer(gate.returnValue === "in");
}

async function submit(event) {
  event.preventDefault();
  const { login, password } = door.elements;
  const json = { login: login.value, password: password.value };
  door.setAttribute("aria-busy", "true");
  try {
    if (isNew()) {
      await ask("/auth/register", { method: "POST", json });
      door.elements.who.value = "known";
      choose();
    }
    await ask("/auth/login", { method: "POST", json: { ...json, transport: "cookie" } });
    if (!isKept()) throw Object.assign(new Error(), { problem: { detail: refusal.dataset.cookies } });
    await look();
    door.reset();
    choose();
    gate.close("in");
    say(`Welcome, ${user.login}.`);
  } catch (error) {
    explain(error, refusal);
    mark(door, error);
    (door.querySelector("[aria-invalid]") ?? password).focus();
  } finally {
    door.removeAttribute("aria-busy");
  }
}

const isNew = () => door.elements.who.value === "new";

/** Password managers offer what is kept for a login, and make up something new for a registration. */
function choose() {
  const word = isNew() ? "Create the account" : "Log in";
  find("gate-title").textContent = isNew() ? "Create an account" : "Log in";
  find("go").textContent = word;
  advice.hidden = !isNew();
  door.elements.password.autocomplete = isNew() ? "new-password" : "current-password";
  door.elements.password.type = door.elements.reveal.checked ? "text" : "password";
}

/** Ask who is logged in, and show it, with the newest orders. */
async function look() {
  user = await ask("/auth/me");
  const page = await ask("/orders?size=5");
  orders.replaceChildren();
  list(page);
  show();
  listen();
}

/** Hear what becomes of the orders. A socket that comes back finds out first whether the login is still good. */
function listen() {
  if (live !== null) return;
  live = connect("/orders/live");
  live.on("order_shipped", shipped);
  live.onState(({ state }) => state === "reconnecting" && ask("/auth/me").catch(() => {}));
}

function shipped({ order_id }) {
  const state = orders.querySelector(`[data-order="${CSS.escape(order_id)}"] .state`);
  if (state) state.textContent = "shipped";
  say("An order of yours was shipped.");
}

function list(page) {
  for (const order of page.items) orders.append(entry(order));
  next = page.next;
  older.hidden = next === null;
}

function entry(order) {
  const item = row.cloneNode(true);
  const placed = new Date(order.placed_at);
  item.querySelector("li").dataset.order = order.id;
  const put = (name, text) => Object.assign(item.querySelector(`.${name}`), { textContent: text });
  put("when", placed.toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" })).dateTime = order.placed_at;
  const copies = ({ quantity, title }) => (quantity > 1 ? `${quantity} × ${title}` : title);
  put("lines", order.lines.map(copies).join(", "));
  put("sum", `€ ${order.total}`);
  put("state", order.shipped_at ? "shipped" : "open");
  return item;
}

async function more() {
  try {
    const before = orders.children.length;
    list(await ask(`/orders?size=5&cursor=${encodeURIComponent(next)}`));
    orders.children[before]?.focus();
  } catch (error) {
    refused(error);
  }
}

function show() {
  for (const place of document.querySelectorAll("[data-for]")) {
    place.hidden = (place.dataset.for === "member") !== (user !== null);
  }
  for (const place of document.querySelectorAll(".who")) place.textContent = user?.login ?? "";
  find("role").textContent = user?.roles.join(", ") ?? "";
  find("none").hidden = orders.children.length > 0;
}

/** Log out, and put the focus where the way in is. */
async function leave(path, words) {
  try {
    await ask(path, { method: "POST" });
  } catch (error) {
    // A login that has ended already is what was wanted.
    if (error.problem?.status !== 401) return refused(error);
  }
  forget();
  say(words);
  find("enter").focus();
}

/** Say what went wrong, and give whether it is that somebody was logged out elsewhere. */
function refused({ problem }) {
  const isOut = problem?.status === 401;
  if (isOut) forget();
  say(isOut ? "You were logged out." : (problem?.detail ?? "The shop does not answer. Is it still open?"));
  return isOut;
}

function forget() {
  user = null;
  live?.close();
  live = null;
  orders.replaceChildren();
  show();
}

function say(words) {
  said.textContent = words;
  clearTimeout(fading);
  fading = setTimeout(() => said.replaceChildren(), 10_000);
}

door.addEventListener("submit", submit);
door.addEventListener("change", choose);
find("later").addEventListener("click", () => gate.close());
gate.addEventListener("close", closed);
older.addEventListener("click", more);
for (const button of document.querySelectorAll(".enter")) button.addEventListener("click", () => logIn());
find("leave").addEventListener("click", () => leave("/auth/logout", "You are logged out."));
find("everywhere").addEventListener("click", () => leave("/auth/logout-all", "You are logged out on every device."));
show();
if (isKept()) look().catch(() => show());
