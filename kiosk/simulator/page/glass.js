// The machine's screen: draws the pictures that come, one after another, and sends touches back.
import { byId, perform } from "./deeds.js";

let drawn = Promise.resolve();

/** The panel's pixels. The stream has begun anew, so the first picture is a whole one. */
export function sizeGlass({ width, height }) {
  const glass = byId("glass");
  glass.width = width;
  glass.height = height;
  glass.style.aspectRatio = `${width} / ${height}`;
  document.body.classList.toggle("tall", height > width);
}

/** A part of the screen. Pictures are decoded in the order they came in, else an old one could lie on a new one. */
export function drawPicture({ x, y, png }) {
  const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
  const picture = createImageBitmap(new Blob([bytes], { type: "image/png" }), { colorSpaceConversion: "none" });
  drawn = drawn.then(async () => {
    const glass = byId("glass");
    const bitmap = await picture;
    glass.getContext("2d", { alpha: false }).drawImage(bitmap, x, y);
    bitmap.close();
    glass.dataset.pictures = String(Number(glass.dataset.pictures ?? 0) + 1);
  });
}

export function listenToGlass() {
  const glass = byId("glass");
  glass.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const box = glass.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * glass.width;
    const y = ((event.clientY - box.top) / box.height) * glass.height;
    perform({ do: "touch", x: Math.max(0, x), y: Math.max(0, y) });
  });
}
