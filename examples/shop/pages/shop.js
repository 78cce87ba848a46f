// The list of books: the form is the query, the cursor leads on, and a problem speaks for itself.

const find = (id) => document.getElementById(id);
const [form, count, trouble, books, load, asked] = ["finder", "count", "trouble", "books", "load", "asked"].map(find);
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

async function ask(path, parameters, signal) {
  const url = parameters.size ? `${path}?${parameters}` : path;
  if (path === "/books/feed") {
    asked.hidden = false;
    asked.querySelector("a").href = url;
    asked.querySelector("code").textContent = `GET ${decodeURIComponent(url.replaceAll("+", " "))}`;
  }
  const answer = await fetch(url, { signal, headers: { Accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(body.detail), { problem: body });
  return body;
}

/** Ask for the first page, and in the same moment for how many there are. */
async function search() {
  const parameters = chosen();
  history.replaceState(null, "", parameters.size ? `?${parameters}${location.hash}` : location.pathname + location.hash);
  await during(async (signal) => {
    const [page, counted] = await Promise.all([
      ask("/books/feed", joined(parameters, { size: 12 }), signal),
      ask("/books", joined(parameters, { size: 1 }), signal),
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
    show(await ask("/books/feed", joined(chosen(), { size: 12, cursor: next }), signal));
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
    mark([]);
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
  const item = row.cloneNode(true);
  const put = (name, text) => Object.assign(item.querySelector(`.${name}`), { textContent: text });
  put("title", book.title).href = `/books/${book.id}`;
  put("author", book.author);
  put("year", book.year < 0 ? `${-book.year} BCE` : book.year);
  put("kind", book.category);
  put("price", `€ ${book.price}`);
  put("stock", book.stock ? `${book.stock} left` : "sold out").classList.toggle("none", !book.stock);
  return item;
}

/** Say what the API said: its detail, and of each parameter what is wrong with it. */
function report({ problem }) {
  const said = document.createElement("p");
  said.textContent = problem?.detail ?? "The shop does not answer. Is it still open?";
  const details = document.createElement("ul");
  for (const error of problem?.errors ?? []) {
    const line = details.appendChild(document.createElement("li"));
    line.append(Object.assign(document.createElement("code"), { textContent: error.parameter }), ` ${error.detail}`);
  }
  trouble.replaceChildren(said, details);
  count.textContent = "";
  mark((problem?.errors ?? []).map((error) => error.parameter));
  // A cursor lives as long as the shop; the way on is from the beginning.
  next = null;
  load.hidden = false;
  load.textContent = "Start again";
}

function mark(names) {
  for (const field of form.elements) {
    if (field.name) field.toggleAttribute("aria-invalid", names.includes(field.name));
  }
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
