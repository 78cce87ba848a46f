// The list of books: the form is the query, the cursor leads on, and a problem speaks for itself.

import { buy } from "./account.js";
import { ask, explain, mark } from "./api.js";

const find = (id) => document.getElementById(id);
const [form, count, trouble, books, load] = ["finder", "count", "trouble", "books", "load"].map(find);
const [asked, left] = ["asked", "left"].map(find);
const row = find("book").content;

let total = 0;
let next = null;
let current = new AbortController();
let pause;

/** The fields of the form that say something, as parameters. */
function chosen() {
  const parameters = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (value.trim()) parameters.append(name, value.trim());
  }
  return parameters;
}

/** Ask for books, and show the request. */
function list(path, parameters, signal) {
  const url = parameters.size ? `${path}?${parameters}` : path;
  if (path === "/books/feed") {
    asked.hidden = false;
    asked.querySelector("a").href = url;
    asked.querySelector("code").textContent = `GET ${decodeURIComponent(url.replaceAll("+", " "))}`;
  }
  return ask(url, { signal, hear: tell });
}

/** Say how much more may be asked for now, of however much in a minute. */
function tell(headers) {
  const number = (name, letter) => headers.get(name)?.match(`;${letter}=(\\d+)`)?.[1];
  const [most, rest] = [number("RateLimit-Policy", "q"), number("RateLimit", "r")];
  left.textContent = rest ? `· ${rest} of ${most} left this minute` : "";
}

/** Ask for the first page, and in the same moment for how many there are. */
async function search() {
  const parameters = chosen();
  history.replaceState(null, "", parameters.size ? `?${parameters}${location.hash}` : location.pathname + location.hash);
  await during(async (signal) => {
    const [page, counted] = await Promise.all([
      list("/books/feed", joined(parameters, { size: 12 }), signal),
      list("/books", joined(parameters, { size: 1 }), signal),
    ]);
    total = counted.total;
    books.replaceChildren();
    show(page);
  });
}

/** Follow the cursor; the first of the new books gets the focus, so that nobody loses the place. */
async function more() {
  if (next === null) return search();
  await during(async (signal) => {
    const before = books.children.length;
    show(await list("/books/feed", joined(chosen(), { size: 12, cursor: next }), signal));
    books.children[before]?.querySelector("a").focus({ preventScroll: true });
  });
}

/** Do one thing at a time: what is asked later overtakes what was asked before. */
async function during(work) {
  current.abort();
  const mine = (current = new AbortController());
  books.setAttribute("aria-busy", "true");
  try {
    await work(mine.signal);
    trouble.replaceChildren();
    mark(form);
  } catch (error) {
    if (!mine.signal.aborted) report(error);
  } finally {
    if (mine === current) books.removeAttribute("aria-busy");
  }
}

function joined(parameters, others) {
  const all = new URLSearchParams(parameters);
  for (const [name, value] of Object.entries(others)) all.set(name, value);
  return all;
}

function show(page) {
  for (const book of page.items) books.append(entry(book));
  next = page.next;
  load.hidden = next === null;
  load.textContent = "Load more";
  const shown = books.children.length;
  const said = total === 1 ? "1 book" : `${total} books`;
  count.textContent = total === 0 ? "No book is like that." : shown < total ? `${said}, ${shown} of them shown` : said;
}

function entry(book) {
  const item = row.cloneNode(true).firstElementChild;
  const put = (name, text) => Object.assign(item.querySelector(`.${name}`), { textContent: text });
  put("title", book.title).href = `/books/${book.id}`;
  put("author", book.author);
  put("year", book.year < 0 ? `${-book.year} BCE` : book.year);
  put("kind", book.category);
  put("price", `€ ${book.price}`);
  const button = put("buy", "Buy");
  const stock = (left) => {
    put("stock", left ? `${left} left` : "sold out").classList.toggle("none", !left);
    button.disabled = !left;
  };
  button.setAttribute("aria-label", `Buy ${book.title}`);
  button.addEventListener("click", async () => {
    if (await buy(book)) stock((await ask(`/books/${book.id}`)).stock);
  });
  stock(book.stock);
  return item;
}

/** Say what is wrong with the search. */
function report(error) {
  explain(error, trouble);
  count.textContent = "";
  mark(form, error);
  // A cursor lives as long as the shop; the way on is from the beginning.
  next = null;
  load.hidden = false;
  load.textContent = "Start again";
}

function soon() {
  clearTimeout(pause);
  pause = setTimeout(search, 200);
}

/** Fill in the form from the address, so that a search can be bookmarked. */
function restore() {
  for (const [name, value] of new URLSearchParams(location.search)) {
    for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (field.type === "checkbox") field.checked ||= field.value === value;
      else field.value = value;
    }
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(pause);
  search();
});
form.addEventListener("input", soon);
form.addEventListener("reset", soon);
load.addEventListener("click", more);
restore();
search();
