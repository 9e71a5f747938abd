// Puts the newest frame in its place. Asks for the next one only once the last is shown, and for none in a hidden tab.
"use strict";

(() => {
  const watch = document.querySelector("[data-live]");
  if (!watch) return;
  const canvas = watch.querySelector("canvas");
  const on = document.querySelector("[data-on]");
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  let number = 0;
  let stop = null;

  const clear = () => {
    canvas.width = canvas.width; // forgets what was drawn
    if (on) on.hidden = true;
  };

  const draw = async (jpeg) => {
    const bytes = Uint8Array.from(atob(jpeg), (letter) => letter.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext("2d").drawImage(picture, 0, 0);
    picture.close();
  };

  const show = async (told) => {
    if (told.jpeg) await draw(told.jpeg);
    else clear();
    watch.classList.toggle("pictured", Boolean(told.jpeg));
    for (const [name, html] of Object.entries(told.parts)) {
      const place = watch.querySelector(`[data-part="${name}"]`);
      if (place) place.innerHTML = html;
    }
    const says = watch.querySelector("[data-says]");
    if (says && says.textContent !== told.says) says.textContent = told.says;
    if (on) on.hidden = told.away;
  };

  const look = async (signal) => {
    const where = `${watch.dataset.live}?images=${watch.dataset.images}&after=${number}`;
    const response = await fetch(where, { signal, redirect: "manual", cache: "no-store" });
    if (response.type === "opaqueredirect") {
      location.reload(); // signed out: the page leads there
      return pause(5000);
    }
    if (!response.ok) throw new Error(String(response.status));
    const told = await response.json();
    if (told.same) return undefined;
    number = told.number;
    await show(told);
    return told.away ? pause(1500) : undefined;
  };

  const follow = async () => {
    stop = new AbortController();
    const { signal } = stop;
    while (!signal.aborted) {
      try {
        await look(signal);
      } catch {
        if (signal.aborted) return;
        clear();
        watch.classList.add("lost");
        await pause(2000);
        continue;
      }
      watch.classList.remove("lost");
    }
  };

  document.addEventListener("visibilitychange", () => {
    if (stop) stop.abort();
    if (document.hidden) clear();
    else follow();
  });
  if (!document.hidden) follow();
})();
