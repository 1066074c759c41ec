// A click on a picture of a triplet enlarges it; the arrows go from picture to picture.
const dialog = document.querySelector("dialog");
const pictures = [...document.querySelectorAll(".trio button")];
let shown = 0;
function show(place) {
  shown = (place + pictures.length) % pictures.length;
  const thumbnail = pictures[shown].firstElementChild, image = dialog.querySelector("img");
  image.src = thumbnail.src;
  image.alt = thumbnail.alt;
  dialog.querySelector("p").textContent = pictures[shown].dataset.caption;
  if (!dialog.open) dialog.showModal();
}
pictures.forEach((button, place) => button.addEventListener("click", () => show(place)));
dialog.addEventListener("click", event => {
  const move = event.target.dataset.move;
  if (move) show(shown + Number(move)); else if (event.target.tagName !== "P") dialog.close();
});
dialog.addEventListener("keydown", event => {
  const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (move) { event.preventDefault(); show(shown + move); }
});
dialog.addEventListener("close", () => {
  const folded = pictures[shown].closest("details:not([open])"); // the arrows go through these, too
  if (folded) folded.open = true;
  pictures[shown].focus();
});
