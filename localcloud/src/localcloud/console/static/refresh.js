// Shows how a running job goes on; what the reader has opened stays open.
"use strict";

const SECONDS = 2;

async function refresh() {
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const open = [...document.querySelectorAll("details[open][id]")].map((one) => one.id);
  for (const id of open) page.getElementById(id)?.setAttribute("open", "");
  document.querySelector("main").replaceWith(page.querySelector("main"));
  if (page.querySelector("script")) setTimeout(refresh, SECONDS * 1000);
}

setTimeout(refresh, SECONDS * 1000);
