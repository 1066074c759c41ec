// Start, and what ties the parts together: changed filters, views, the address and the keyboard.
const body = document.body,
  filtersButton = document.getElementById("filters-button"),
  helpDialog = document.getElementById("help");
const VIEWS = META.pictures.count ? ["faces", "grid", "table"] : ["table"];
let saving = 0;

function changed(filters) {
  refilter(filters);
  look.page = look.cell = 0;
  showAll();
}

function showAll() {
  showFacets();
  showHistograms();
  listRows();
  showPage();
  const count = `${whole(selection.length)} of ${whole(META.rows)} spoofs`;
  document.getElementById("count").textContent = count;
  document.getElementById("order").value = look.order;
  for (const button of document.querySelectorAll("[data-view]"))
    button.setAttribute("aria-pressed", String(button.dataset.view === look.view));
  clearTimeout(saving); // browsers refuse an address that changes a hundred times in some seconds
  saving = setTimeout(() => {
    const address = toAddress({ view: look.view === "faces" ? "" : look.view, order: look.order });
    if (address !== location.hash.slice(1)) location.replace(`#${address}`);
  }, 250);
}

function fromHash() {
  const parts = fromAddress(location.hash.slice(1));
  look.view = !META.pictures.count ? "table" : VIEWS.includes(parts.get("view")) ? parts.get("view") : "faces";
  look.order = ORDERS.some(([name]) => name === parts.get("order")) ? parts.get("order") : "";
  changed([...CHOICES, ...RANGES, SEARCH]);
}

function turnPage(step) {
  look.page += step;
  look.cell = 0;
  showPage();
  document.querySelector(".bar").scrollIntoView({ block: "nearest" });
}

function setView(name) {
  look.view = name;
  look.page = look.cell = 0;
  showAll();
}

function openFilters(open) {
  body.classList.toggle("filtering", open);
  filtersButton.setAttribute("aria-expanded", String(open));
  if (open) document.getElementById("search").focus();
  else document.getElementById("results").focus({ preventScroll: true });
}

function clearFilters() {
  for (const filter of CHOICES) filter.chosen.clear();
  for (const filter of RANGES) filter.range = [null, null];
  SEARCH.text = document.getElementById("search").value = "";
  changed([...CHOICES, ...RANGES, SEARCH]);
}

const inViewer = {
  ArrowLeft: () => moveTriplet(-1),
  ArrowRight: () => moveTriplet(1),
  "+": () => zoom(2),
  "=": () => zoom(2),
  "-": () => zoom(0.5),
  "−": () => zoom(0.5),
  0: () => zoom(0),
  d: () => changeGain(view.gain * 2),
};
const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const onPage = {
  f: () => openFilters(true),
  "/": () => openFilters(true),
  n: () => turnPage(1),
  p: () => turnPage(-1),
  v: () => setView(VIEWS[(VIEWS.indexOf(look.view) + 1) % VIEWS.length]),
};

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches?.("input:not([type=checkbox]), select, textarea");
  const { key } = event;
  let act = null;
  if (viewer.open && !helpDialog.open) {
    act =
      event.shiftKey && moves[key]
        ? () => pan((moves[key][0] * 0.1) / view.scale, (moves[key][1] * 0.1) / view.scale)
        : inViewer[key];
  } else if (key === "Escape" && !helpDialog.open && document.getElementById("filters").contains(event.target))
    act = () => openFilters(false);
  else if (!typing && !helpDialog.open) {
    act =
      onPage[key] ??
      (look.view === "faces" &&
      (key in moves || ["Home", "End"].includes(key)) &&
      (event.target === body || event.target.closest("#faces") || event.target.id === "results")
        ? () => moveCell(key)
        : null);
  }
  if (!typing && key === "?") act = () => (helpDialog.open ? helpDialog.close() : helpDialog.showModal());
  if (!typing && key === "t") act = switchTheme;
  if (act) {
    event.preventDefault();
    act();
  }
});

function listen() {
  let waiting = 0;
  document.getElementById("search").addEventListener("input", event => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      SEARCH.text = event.target.value.trim().toLowerCase();
      changed([SEARCH]);
    }, 120);
  });
  document.getElementById("filter-form").addEventListener("submit", event => event.preventDefault());
  document.getElementById("filter-form").addEventListener("reset", event => {
    event.preventDefault();
    clearFilters();
  });
  filtersButton.addEventListener("click", () => openFilters(!body.classList.contains("filtering")));
  document.getElementById("help-button").addEventListener("click", () => helpDialog.showModal());
  const order = document.getElementById("order");
  order.append(
    ...ORDERS.filter(([name]) => META.audited || !name.includes("distance")).map(([name, title]) =>
      node("option", { value: name }, title),
    ),
  );
  order.addEventListener("change", () => {
    look.order = order.value;
    look.page = look.cell = 0;
    showAll();
  });
  for (const button of document.querySelectorAll("[data-page]"))
    button.addEventListener("click", () => turnPage(Number(button.dataset.page)));
  for (const button of document.querySelectorAll("[data-view]")) {
    button.hidden = !VIEWS.includes(button.dataset.view);
    button.addEventListener("click", () => setView(button.dataset.view));
  }
  narrow.addEventListener("change", showPage);
  addEventListener("hashchange", () => {
    if (location.hash.slice(1) !== toAddress({ view: look.view === "faces" ? "" : look.view, order: look.order }))
      fromHash();
  });
}

load()
  .then(() => {
    prepareFilters();
    buildFacets(changed);
    listen();
    fromHash();
    body.classList.add("ready");
    performance.mark("ready");
  })
  .catch(error => {
    const trouble = document.getElementById("trouble");
    trouble.textContent = error.message;
    trouble.hidden = false;
  });
