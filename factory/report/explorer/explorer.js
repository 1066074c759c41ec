// Start, and what ties the parts together: changed filters, views, the address and the keyboard.
const body = document.body,
  filtersButton = document.getElementById("filters-button"),
  helpDialog = document.getElementById("help");
const VIEWS = META.pictures.count ? ["faces", "grid", "table"] : ["table"];
let saving = 0;

function changed(filters) {
  document.getElementById("trouble").hidden = true;
  refilter(filters);
  look.page = look.cell = 0;
  showAll();
}

function showAll() {
  showFacets();
  showChips();
  showHistograms();
  listRows();
  showPage();
  const count = `${whole(selection.length)} of ${whole(META.rows)} spoofs`;
  document.getElementById("count").textContent = count;
  document.getElementById("order").value = look.order;
  for (const button of document.querySelectorAll("[data-view]"))
    button.setAttribute("aria-pressed", String(button.dataset.view === look.view));
  saveSoon();
}

// The address of what is shown: view, order, filters, and the spoof that is open.
const addressNow = () =>
  toAddress({
    view: look.view === (META.pictures.count ? "faces" : "table") ? "" : look.view,
    order: look.order,
    spoof: viewer.open ? textOf(view.row, "key") : "",
  });

// Each address that this page writes comes back as an event, perhaps after the reader has done something else: it is
// then no wish of theirs.
const written = [];
let returning = false;
function write(address, added = false) {
  clearTimeout(saving);
  if (address === location.hash.slice(1)) return;
  if (added) location.hash = address;
  else location.replace(`#${address}`);
  written.push(location.hash);
}

const saveAddress = () => write(addressNow());

function saveSoon() {
  clearTimeout(saving); // browsers refuse an address that changes a hundred times in some seconds
  saving = setTimeout(saveAddress, 250);
}

function fromHash() {
  const parts = fromAddress(location.hash.slice(1));
  look.view = !META.pictures.count ? "table" : VIEWS.includes(parts.get("view")) ? parts.get("view") : "faces";
  look.order = ORDERS.some(([name]) => name === parts.get("order")) ? parts.get("order") : "";
  changed([...CHOICES, ...RANGES, SEARCH]);
  openFromAddress(parts.get("spoof"));
}

// Opens the spoof that the address names, or closes the one that it no longer names.
function openFromAddress(key) {
  const row = key ? rowOf(key) : -1,
    trouble = document.getElementById("trouble");
  trouble.hidden = !key || row >= 0;
  if (!trouble.hidden) trouble.textContent = `No spoof here has the key ${key}: the link may be to another run.`;
  if (row >= 0) {
    const at = listed.indexOf(row);
    if (at >= 0) {
      look.page = Math.floor(at / onAPage());
      look.cell = at % onAPage();
      showPage();
    }
    openViewer(row, false);
  } else if (viewer.open) {
    view.pushed = false;
    viewer.close();
  }
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
  const every = [...CHOICES, ...RANGES, SEARCH];
  every.forEach(empty);
  changed(every);
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
  document.getElementById("show-found").addEventListener("click", () => openFilters(false));
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
  document.getElementById("distributions").open = !narrow.matches; // on a phone, faces first
  addEventListener("hashchange", event => {
    const own = written.indexOf(new URL(event.newURL).hash);
    if (returning || own >= 0) {
      if (own >= 0) written.splice(own, 1);
      returning = false;
      return;
    }
    if (location.hash.slice(1) !== addressNow()) fromHash();
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
