// What makes pages quicker to use; none of it is needed to read or to change anything.
"use strict";

// A form that asks first: <form data-sure="Forget Ada?">
document.addEventListener("submit", (event) => {
  const asks = event.target.dataset.sure;
  if (asks && !window.confirm(asks)) {
    event.preventDefault();
    return;
  }
  if (asks) {
    const answered = document.createElement("input");
    Object.assign(answered, { type: "hidden", name: "sure", value: "1" });
    event.target.append(answered); // else the console asks on a page of its own
  }
  // Sent once, however often it is clicked.
  const button = event.submitter;
  if (button && !button.name) button.disabled = true;
});

// Coming back by the browser's button brings no sent form back to life.
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button:disabled")) button.disabled = false;
});

// On a phone the menu is wider than the screen: the page that is shown stands in it where it can be seen.
document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// A list that is narrowed by a choice: <select data-goes> sends its form.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-goes]")) event.target.form.requestSubmit();
});
