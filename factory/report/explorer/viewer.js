// One triplet, large: four canvases that zoom and move together. The difference is composed by the canvas itself, so
// that it works from disk, where pixels of neighbouring files may be drawn but not read.
const viewer = document.getElementById("viewer");
const ROLES = ["live", "guide", "spoof", "difference"];
const view = { row: -1, pushed: false, scale: 1, x: 0.5, y: 0.5, gain: 4 };
const crops = Object.fromEntries(ROLES.map(role => [role, document.createElement("canvas")]));
const sheets = new Map(); // the latest sheets, decoded

function sheetOf(picture) {
  const { source } = place("faces", picture);
  if (!sheets.has(source)) {
    const image = new Image();
    image.src = source;
    sheets.set(
      source,
      image.decode().then(() => image),
    );
    if (sheets.size > 12) sheets.delete(sheets.keys().next().value);
  }
  return sheets.get(source);
}

// `pushed` says whether opening made an entry of the browser's history, which closing then takes back.
function openViewer(row, pushed = true) {
  if (pushed) saveAddress();
  view.row = row;
  view.pushed = pushed;
  if (!viewer.open) viewer.showModal();
  showTriplet();
  if (pushed) write(addressNow(), true);
}

async function showTriplet() {
  const { row } = view,
    picture = pictureOf[row],
    at = seen().indexOf(row);
  document.getElementById("viewer-title").textContent = styleOf(row).style;
  document.getElementById("viewer-place").textContent = at < 0 ? "" : `${whole(at + 1)} of ${whole(seen().length)}`;
  const link = document.getElementById("link");
  link.href = `#${new URLSearchParams({ spoof: textOf(row, "key") })}`;
  link.textContent = "Link to this spoof";
  document.getElementById("spoken").textContent = describe(row);
  showFacts(row, picture);
  let image = null;
  try {
    if (picture >= 0) image = await sheetOf(picture);
  } catch {
    /* said below */
  }
  if (view.row !== row) return; // the reader has moved on
  cut(image, picture);
  drawPanels();
  for (const neighbour of [at + 1, at - 1])
    if (pictureOf[seen()[neighbour]] >= 0) sheetOf(pictureOf[seen()[neighbour]]).catch(() => {});
}

// Rows that the arrows go through.
const seen = () => listed;

function cut(image, picture) {
  const { side, column, row } = place("faces", picture);
  ROLES.forEach((role, index) => {
    const crop = crops[role],
      pen = crop.getContext("2d");
    crop.width = crop.height = side; // and so cleared
    crop.held =
      image !== null &&
      Boolean(role === "difference" ? (present[picture] & 5) === 5 : present[picture] & (1 << index));
    if (crop.held && role !== "difference")
      pen.drawImage(image, (3 * column + index) * side, row * side, side, side, 0, 0, side, side);
  });
  subtract();
}

// |spoof − live| per channel, times the gain: the picture added to itself doubles it.
function subtract() {
  const crop = crops.difference,
    pen = crop.getContext("2d");
  if (!crop.held) return;
  pen.globalCompositeOperation = "copy";
  pen.drawImage(crops.live, 0, 0);
  pen.globalCompositeOperation = "difference";
  pen.drawImage(crops.spoof, 0, 0);
  pen.globalCompositeOperation = "lighter";
  for (let gain = 1; gain < view.gain; gain *= 2) pen.drawImage(crop, 0, 0);
  pen.globalCompositeOperation = "source-over";
}

function drawPanels() {
  for (const role of ROLES) {
    const canvas = document.getElementById(`canvas-${role}`),
      crop = crops[role],
      pen = canvas.getContext("2d");
    const size = Math.round(canvas.clientWidth * devicePixelRatio) || 1;
    canvas.width = canvas.height = size;
    const part = crop.width / view.scale;
    if (crop.held) {
      pen.imageSmoothingEnabled = part > size; // enlarged pixels stay squares
      pen.imageSmoothingQuality = "high";
      pen.drawImage(
        crop,
        view.x * crop.width - part / 2,
        view.y * crop.width - part / 2,
        part,
        part,
        0,
        0,
        size,
        size,
      );
    } else {
      pen.fillStyle = "#8b8678";
      pen.font = `${13 * devicePixelRatio}px system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.fillText("not at hand", size / 2, size / 2);
    }
    canvas.setAttribute("aria-label", crop.held ? `${role}: ${describe(view.row)}` : `${role}: not at hand`);
  }
  document.getElementById("zoom").textContent =
    view.scale === 1 ? "fit" : `${fixed(view.scale, view.scale % 1 ? 1 : 0)}×`;
  for (const button of viewer.querySelectorAll("[data-gain]"))
    button.setAttribute("aria-pressed", String(Number(button.dataset.gain) === view.gain));
}

function showFacts(row, picture) {
  const facts = {
    "T₀": t0Of(row),
    w: fixed(columns.cfg_scale[row], 3),
    BRISQUE: fixed(columns.brisque[row], 1),
    ...(META.audited
      ? {
          "identity distance": fixed(columns.distance[row], 3),
          "style probability": fixed(columns.probability[row], 3),
          verdict: verdictOf(row),
        }
      : {}),
    subject: textOf(row, "subject") ?? "—",
    split: META.splits[columns.split[row]] ?? "—",
    "live domain": META.domains[columns.live_domain[row]] ?? "—",
    seed: META.pictures.seeds[picture] || "—",
    key: textOf(row, "key"),
    live: textOf(row, "live_key") ?? "—",
    guide: textOf(row, "guide_key") ?? "—",
  };
  document
    .getElementById("facts")
    .replaceChildren(
      ...Object.entries(facts).map(([name, text]) => node("div", {}, node("dt", {}, name), node("dd", {}, text))),
    );
  document.getElementById("exactness").textContent =
    picture < 0
      ? "This page has no picture of the spoof; difffas show FOLDER KEY shows it."
      : META.pictures.exact
        ? ""
        : "Pictures here are WebP: a few grey levels of the difference are the codec's.";
}

function moveTriplet(step) {
  const rows = seen(),
    from = rows.indexOf(view.row),
    at = (from < 0 ? 0 : from + step + rows.length) % rows.length;
  if (!rows.length) return;
  view.row = rows[at];
  look.page = Math.floor(listed.indexOf(view.row) / onAPage());
  look.cell = listed.indexOf(view.row) % onAPage();
  showTriplet();
  saveSoon();
}

// Zoom about a point of the panels, 0 to 1 each way.
function zoom(factor, x = 0.5, y = 0.5) {
  const before = view.scale;
  view.scale = factor ? Math.max(1, Math.min(32, before * factor)) : 1;
  pan((x - 0.5) * (1 / before - 1 / view.scale), (y - 0.5) * (1 / before - 1 / view.scale));
}

function pan(x, y) {
  const half = 0.5 / view.scale,
    inside = value => Math.max(half, Math.min(1 - half, value));
  view.x = inside(view.x + x);
  view.y = inside(view.y + y);
  drawPanels();
}

function changeGain(gain) {
  view.gain = gain > 16 ? 1 : gain;
  cutAgain();
}

function cutAgain() {
  subtract();
  drawPanels();
}

const fingers = new Map();
viewer.querySelector(".panels").addEventListener("pointerdown", event => {
  if (event.target.tagName !== "CANVAS") return;
  event.target.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, event);
});
viewer.querySelector(".panels").addEventListener("pointermove", event => {
  const before = fingers.get(event.pointerId),
    width = event.target.clientWidth;
  if (!before) return;
  if (fingers.size === 2) {
    const [other] = [...fingers.values()].filter(one => one.pointerId !== event.pointerId);
    const apart = one => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    zoom(apart(event) / Math.max(1, apart(before)));
  } else
    pan((before.clientX - event.clientX) / width / view.scale, (before.clientY - event.clientY) / width / view.scale);
  fingers.set(event.pointerId, event);
});
for (const end of ["pointerup", "pointercancel"])
  viewer.addEventListener(end, event => fingers.delete(event.pointerId));
viewer.querySelector(".panels").addEventListener(
  "wheel",
  event => {
    if (event.target.tagName !== "CANVAS") return;
    event.preventDefault();
    const box = event.target.getBoundingClientRect();
    zoom(2 ** (-event.deltaY / 240), (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  },
  { passive: false },
);
viewer.addEventListener("click", event => {
  const { move, zoom: factor, gain, close } = event.target.dataset;
  if (move) moveTriplet(Number(move));
  else if (factor) zoom(Number(factor));
  else if (gain) changeGain(Number(gain));
  else if (close !== undefined) viewer.close();
});
document.getElementById("link").addEventListener("click", async event => {
  event.preventDefault();
  const link = event.target;
  try {
    await navigator.clipboard.writeText(link.href);
    link.textContent = "Link copied";
  } catch {
    link.textContent = "The link is in the address bar";
  }
});
viewer.addEventListener("close", () => {
  clearTimeout(saving);
  if (view.pushed && location.hash.includes("spoof=")) {
    returning = true;
    history.back();
  } else saveAddress();
  view.pushed = false;
  showPage();
  if (look.view === "faces") focusCell();
});
new ResizeObserver(() => {
  if (viewer.open) drawPanels();
}).observe(viewer);
