// The selection as pages of faces or of table lines, or as a grid over T₀ and w.
const narrow = matchMedia("(max-width: 52rem)");
const onAPage = () => (look.view === "table" ? 50 : narrow.matches ? 24 : 60);
const ORDERS = [
  ["", "style", row => 0],
  ["brisque", "BRISQUE, best first", row => columns.brisque[row]],
  ["-brisque", "BRISQUE, worst first", row => -columns.brisque[row]],
  ["distance", "identity, nearest first", row => columns.distance[row]],
  ["-distance", "identity, farthest first", row => -columns.distance[row]],
  ["t0", "T₀, ascending", row => columns.t0[row]],
  ["w", "w, ascending", row => columns.cfg_scale[row]],
];
const look = { view: "faces", order: "", page: 0, cell: 0 };
let listed = []; // rows in their order, all pages: with pictures in the view of faces, else all selected

function listRows() {
  const value = ORDERS.find(([name]) => name === look.order)[2];
  listed = look.view === "table" ? Array.from(selection) : Array.from(pictured).filter(row => !mask[row]);
  if (look.order) {
    const rank = row => {
      const found = value(row);
      return Number.isNaN(found) ? Infinity : found;
    };
    listed.sort((a, b) => rank(a) - rank(b) || a - b);
  } else if (look.view === "table") listed.sort((a, b) => columns.style[a] - columns.style[b] || a - b);
}

const pages = () => (look.view === "grid" ? 1 : Math.max(1, Math.ceil(listed.length / onAPage())));

function showPage() {
  look.page = Math.max(0, Math.min(pages() - 1, look.page));
  const first = look.page * onAPage(),
    rows = listed.slice(first, first + onAPage());
  const hosts = Object.fromEntries(["faces", "grid", "table"].map(name => [name, document.getElementById(name)]));
  for (const name in hosts) hosts[name].hidden = name !== look.view;
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
        pictureOf[row] < 0
          ? key
          : node(
              "button",
              {
                type: "button",
                class: "link",
                "data-row": row,
                title: "compare its pictures",
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
