// The ring follows the reader; large pictures are made smaller before they are sent.
"use strict";

(() => {
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  const sit = document.querySelector("[data-sit]");
  const show = (told) => {
    const hint = sit.querySelector("[data-hint]");
    if (hint.textContent !== told.says) hint.textContent = told.says;
    if (told.stage === "lost") return;
    sit.querySelector("[data-ring]").innerHTML = told.ring;
    if (told.stage !== sit.dataset.stage) {
      // Only now: a button is not to vanish from under a finger.
      sit.dataset.stage = told.stage;
      sit.querySelector("[data-acts]").innerHTML = told.acts;
    }
  };
  const follow = async () => {
    const over = ["done", "timed_out", "other_person"];
    while (!over.includes(sit.dataset.stage)) {
      await pause(document.hidden ? 2000 : 350);
      try {
        const response = await fetch(sit.dataset.sit, { redirect: "manual", cache: "no-store" });
        if (response.type === "opaqueredirect") return location.reload();
        const told = await response.json();
        if (told.stage === "gone") return location.reload();
        show(told);
      } catch {
        await pause(1500);
      }
    }
    return undefined;
  };
  if (sit) follow();

  const LONGEST = 1600;
  const smaller = async (file) => {
    if (file.size < 400000) return file;
    const picture = await createImageBitmap(file); // turned as the camera was held
    const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const made = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
    return new File([made], file.name.replace(/\.\w+$/, "") + ".jpg", { type: "image/jpeg" });
  };
  for (const input of document.querySelectorAll("[data-shrinks] input[type=file]")) {
    input.addEventListener("change", async () => {
      const made = new DataTransfer();
      for (const file of input.files) {
        // What the browser cannot read goes as it is: the reader says what is wrong with it.
        made.items.add(await smaller(file).catch(() => file));
      }
      input.files = made.files;
    });
  }
})();
