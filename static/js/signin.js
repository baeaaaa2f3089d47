// The sign-in page: the password can be looked at, and what spoils it without a sign is said: CapsLock, another layout.
(function () {
  "use strict";
  const words = document.documentElement.lang === "ru"
    ? { show: "Показать пароль", hide: "Скрыть пароль", caps: "Включён CapsLock.", layout: "Печатаются русские буквы." }
    : { show: "Show the password", hide: "Hide the password", caps: "CapsLock is on.", layout: "Russian letters are being typed." };
  for (const field of document.querySelectorAll("input[type=password]")) {
    const hint = document.createElement("div");
    hint.className = "field-help";
    hint.setAttribute("role", "status");
    const eye = document.createElement("button");
    eye.type = "button";
    eye.className = "link small";
    eye.textContent = words.show;
    eye.addEventListener("click", () => {
      const shown = field.type === "password";
      field.type = shown ? "text" : "password";
      eye.textContent = shown ? words.hide : words.show;
      eye.setAttribute("aria-pressed", String(shown));
      field.focus();
    });
    field.after(eye, hint);
    const look = (event) => {
      const said = [];
      if (event.getModifierState?.("CapsLock")) said.push(words.caps);
      if (/[а-яё]/i.test(field.value)) said.push(words.layout);
      hint.textContent = said.join(" ");
    };
    field.addEventListener("keyup", look);
    field.addEventListener("keydown", look);
    field.form.addEventListener("submit", () => { field.type = "password"; });
  }
})();
