// The selection as pages of faces or of table lines, or as a grid over T₀ and w.
const narrow = matchMedia("(max-width: 52rem)");
const onAPage = () => (look.view === "table" ? 50 : narrow.matches ? 24 : 60);
const ORDERS = [
  ["", "people and styles by turns", () => 0],
  ["style", "style", row => columns.style[row]],
  ["brisque", "BRISQUE, best first", row => columns.brisque[row]],
  ["-brisque", "BRISQUE, worst first", row => -columns.brisque[row]],
  ["distance", "identity, nearest first", row => columns.distance[row]],
  ["-distance", "identity, farthest first", row => -columns.distance[row]],
  ["t0", "T₀, ascending", row => columns.t0[row]],
  ["w", "w, ascending", row => columns.cfg_scale[row]],
];
const look = { view: "faces", order: "", page: 0, cell: 0 };
let listed = []; // rows in their order, all pages: with pictures in the view of faces, else all selected

// The number of each row's person, by domain and subject, and for each person the sum of their name's letters.
let people = null;
const starts = [];
function peopleOf() {
  if (people) return people;
  const numbers = new Map();
  people = Int32Array.from({ length: META.rows }, (_, row) => {
    const domain = META.domains[columns.live_domain[row]] ?? "None",
      name = `${domain}/${textOf(row, "subject") || (textOf(row, "live_key") ?? "None")}`;
    if (!numbers.has(name)) {
      starts.push(Array.from(name).reduce((sum, letter) => sum + letter.codePointAt(0), 0));
      numbers.set(name, numbers.size);
    }
    return numbers.get(name);
  });
  return people;
}

// A rank for each of these rows by which every person comes once before anyone comes again, each time in another style,
// and in each such round the styles take turns: `by_turns` in pictures.py.
function turns(rows) {
  const person = peopleOf(),
    styles = META.styles.length,
    held = new Map(),
    before = new Map(),
    next = key => {
      const times = before.get(key) ?? 0;
      before.set(key, times + 1);
      return times;
    };
  for (const row of rows) {
    const mine = held.get(person[row]) ?? [];
    held.set(person[row], mine);
    const times = next(person[row] * styles + columns.style[row]);
    mine.push([times * styles + ((columns.style[row] + starts[person[row]]) % styles), row]);
  }
  const rounds = new Map();
  for (const mine of held.values()) {
    mine.sort((a, b) => a[0] - b[0]);
    mine.forEach(([, row], round) => rounds.set(row, round));
  }
  before.clear();
  const order = Array.from(rows, row => {
    const style = columns.style[row],
      round = rounds.get(row);
    return [round, next(round * styles + style), style, row];
  });
  order.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  return new Map(order.map(([, , , row], rank) => [row, rank]));
}

function listRows() {
  const value = ORDERS.find(([name]) => name === look.order)[2];
  listed = look.view === "table" ? Array.from(selection) : Array.from(pictured).filter(row => !mask[row]);
  const rank = row => {
    const found = value(row);
    return Number.isNaN(found) ? Infinity : found;
  };
  const mixed = turns(listed);
  listed.sort((a, b) => rank(a) - rank(b) || mixed.get(a) - mixed.get(b));
}

const pages = () => (look.view === "grid" ? 1 : Math.max(1, Math.ceil(listed.length / onAPage())));

function showPage() {
  look.page = Math.max(0, Math.min(pages() - 1, look.page));
  const first = look.page * onAPage(),
    rows = listed.slice(first, first + onAPage());
  const hosts = Object.fromEntries(["faces", "grid", "table"].map(name => [name, document.getElementById(name)]));
  for (const name in hosts) hosts[name].hidden = name !== look.view || !listed.length;
  showEmpty();
  look.cell = Math.max(0, Math.min(rows.length - 1, look.cell));
  hosts[look.view].replaceChildren(
    ...(look.view === "faces" ? rows.map(cell) : [look.view === "table" ? tableOf(rows) : gridOf()]),
  );
  for (const name of ["pager", "order"]) document.querySelector(`.${name}`).hidden = look.view === "grid";
  document.getElementById("page").textContent = listed.length
    ? `${whole(first + 1)}–${whole(first + rows.length)} of ${whole(listed.length)}`
    : "none";
  for (const button of document.querySelectorAll("[data-page]")) {
    button.disabled =
      look.page + Number(button.dataset.page) < 0 || look.page + Number(button.dataset.page) >= pages();
  }
  document.getElementById("note").textContent = look.view === "table" ? "" : noteOf();
}

// What to do where nothing is shown: which filter to lift, and what that would give.
function showEmpty() {
  const host = document.getElementById("empty");
  host.hidden = listed.length > 0;
  if (listed.length) return;
  const button = (text, onclick) => node("button", { type: "button", onclick }, text);
  if (selection.length) {
    const all = selection.length === 1 ? "The spoof that passes has" : `None of the ${whole(selection.length)} spoofs has`;
    host.replaceChildren(
      node("h2", {}, `${all} ${selection.length === 1 ? "no picture" : "a picture"} on this page.`),
      node("p", {}, button("Show as a table", () => setView("table"))),
    );
    return;
  }
  const lifted = [...CHOICES, ...RANGES, SEARCH].filter(isSet).map(filter => {
    let count = 0;
    for (let row = 0; row < META.rows; row++) if (mask[row] === filter.bit) count++;
    const found = count === 1 ? "1 spoof" : `${whole(count)} spoofs`;
    return node("li", {}, button(`Without ${wordsOf(filter)}: ${found}`, () => lift(filter)));
  });
  host.replaceChildren(
    node("h2", {}, "No spoof passes all of these filters."),
    node("ul", {}, ...lifted),
    node("p", {}, button("Show all spoofs", clearFilters)),
  );
}

// The filters in use, each with a way to lift it, beside the results: the filters themselves may be out of sight.
function showChips() {
  const set = [...CHOICES, ...RANGES, SEARCH].filter(isSet),
    host = document.getElementById("chips");
  host.hidden = !set.length;
  host.replaceChildren(
    ...set.map(filter =>
      node(
        "button",
        { type: "button", title: "lift this filter", onclick: () => lift(filter) },
        wordsOf(filter),
        node("span", { "aria-hidden": "true" }, " ×"),
      ),
    ),
  );
}

function lift(filter) {
  empty(filter);
  changed([filter]);
  const left = document.querySelector("#chips button") ?? document.getElementById("results");
  left.focus({ preventScroll: true });
}

function noteOf() {
  const all = `B is the BRISQUE score${META.audited ? ", id the identity distance" : ""}.`;
  const some = `${whole(META.pictures.count)} of ${whole(META.rows)} rows have pictures, evenly over the styles.`;
  return META.pictures.count < META.rows ? `${some} The table has all. ${all}` : all;
}

const describe = row =>
  `${styleOf(row).style}, T₀ ${t0Of(row)}, w ${fixed(columns.cfg_scale[row], 2)}, BRISQUE ${fixed(columns.brisque[row], 1)}` +
  (META.audited ? `, ${verdictOf(row)}` : "");

// A row's live, guide and spoof from its sheet, or the spoof alone, which is the last third.
function thumbnail(row, alone = false) {
  const { source, column, row: line, across, down } = place("thumbs", pictureOf[row]),
    parts = alone ? 3 : 1,
    left = -(parts * column + parts - 1) * 100;
  const image = node("img", {
    src: source,
    alt: "",
    loading: alone ? "eager" : "lazy",
    decoding: "async",
    draggable: "false",
    style: `width:${parts * across * 100}%;height:${down * 100}%;left:${left}%;top:${-line * 100}%`,
  });
  image.addEventListener("error", () => image.parentElement?.classList.add("missing"));
  return node("span", { class: alone ? "strip alone" : "strip" }, image);
}

function cell(row, number) {
  const facts = [`T₀ ${t0Of(row)}`, `w ${fixed(columns.cfg_scale[row], 2)}`, `B ${fixed(columns.brisque[row], 1)}`];
  if (Number.isFinite(columns.distance[row])) facts.push(`id ${fixed(columns.distance[row], 2)}`);
  return node(
    "li",
    {},
    node(
      "button",
      {
        type: "button",
        class: "cell",
        "data-row": row,
        "aria-label": describe(row),
        title: textOf(row, "key"),
        tabindex: number === look.cell ? "0" : "-1",
        onclick: () => {
          look.cell = number;
          openViewer(row);
        },
      },
      thumbnail(row),
      node(
        "span",
        { class: "caption" },
        node("b", {}, styleOf(row).style),
        ...(columns.accepted[row] === 0 ? [node("em", {}, "refused")] : []),
        node("span", {}, facts.join(" · ")),
      ),
    ),
  );
}

function tableOf(rows) {
  const titles = [
    "key",
    "style",
    "live face",
    "T₀",
    "w",
    "BRISQUE",
    ...(META.audited ? ["identity", "style p", "verdict"] : []),
  ];
  const line = row => {
    const cells = [
      styleOf(row).style,
      textOf(row, "live_key") ?? "—",
      t0Of(row),
      fixed(columns.cfg_scale[row], 2),
      fixed(columns.brisque[row], 1),
    ];
    if (META.audited) cells.push(fixed(columns.distance[row], 3), fixed(columns.probability[row], 3), verdictOf(row));
    const key = node("code", {}, textOf(row, "key"));
    return node(
      "tr",
      {},
      node(
        "th",
        { scope: "row" },
        node(
          "button",
          {
            type: "button",
            class: "link",
            "data-row": row,
            title: pictureOf[row] < 0 ? "show its facts" : "compare its pictures",
            onclick: () => openViewer(row),
          },
          key,
        ),
      ),
      ...cells.map((text, at) => node("td", at < 2 || at > 6 ? { class: "left" } : {}, text)),
    );
  };
  return node(
    "table",
    {},
    node(
      "thead",
      {},
      node(
        "tr",
        {},
        ...titles.map((title, at) => node("th", { scope: "col", class: at < 3 || at > 7 ? "left" : false }, title)),
      ),
    ),
    node("tbody", {}, ...rows.map(line)),
  );
}

// Arrows among the faces of a page; beyond its ends to the next page.
function moveCell(key) {
  const cells = [...document.querySelectorAll("#faces .cell")];
  if (!cells.length) return;
  const across = cells.filter(one => one.offsetTop === cells[0].offsetTop).length;
  const step = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -across,
    ArrowDown: across,
    Home: -look.cell,
    End: cells.length - 1 - look.cell,
  }[key];
  const inside = cells.includes(document.activeElement),
    next = inside ? look.cell + step : look.cell;
  if (next < 0 || next >= cells.length) {
    const turn = Math.sign(step);
    if (look.page + turn < 0 || look.page + turn >= pages()) return;
    look.page += turn;
    look.cell = turn > 0 ? 0 : onAPage() - 1;
    showPage();
  } else look.cell = next;
  focusCell();
}

function focusCell() {
  document.querySelectorAll("#faces .cell").forEach((one, at) => {
    one.tabIndex = at === look.cell ? 0 : -1;
    if (at === look.cell) one.focus();
  });
}
