// Shows the user whose id is in the address, for example "#42".
"use strict";

async function show(id) {
  const response = await fetch("/users/" + encodeURIComponent(id));
  const user = await response.json();
  document.body.textContent = response.ok ? user.name : user.title;
}

addEventListener("hashchange", () => show(location.hash.slice(1)));
