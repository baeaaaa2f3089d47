// The calendar of tasks: one is dragged to another day or hour, or moved there with Shift and an arrow key.
(function () {
  "use strict";
  const crm = window.crm;
  let held = null; // the task in the hand
  let aim = null;
  let follow = ""; // which task has the focus again once the calendar was drawn anew

  const calendarOf = (element) => element.closest?.("[data-calendar]");
  const isWeekOrDay = (calendar) => calendar.dataset.view !== "month";

  function targetOf(element) {
    const calendar = calendarOf(element);
    if (!calendar) return null;
    return (isWeekOrDay(calendar) && element.closest("[data-drop-hour]")) || element.closest("[data-drop-day]");
  }

  function point(target) {
    if (aim === target) return;
    aim?.classList.remove("is-aimed");
    aim = target;
    aim?.classList.add("is-aimed");
  }

  async function put(task, day, hour) {
    follow = task.id;
    const data = hour === undefined ? { day } : { day, hour };
    const answer = await crm.post(task.dataset.moveUrl, data).catch((error) => error);
    if (!answer?.ok) crm.failed(answer?.status ?? 0);
  }

  document.addEventListener("dragstart", (event) => {
    const task = event.target.closest?.("[data-calendar] [data-move-url]");
    if (!task) return;
    held = task;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", task.id);
    task.classList.add("is-held");
  });
  document.addEventListener("dragover", (event) => {
    const target = held && targetOf(event.target);
    point(target || null);
    if (!target) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
  });
  document.addEventListener("drop", (event) => {
    const target = held && targetOf(event.target);
    if (!target) return;
    event.preventDefault();
    if (target !== targetOf(held)) put(held, target.dataset.dropDay, target.dataset.dropHour);
  });
  document.addEventListener("dragend", () => {
    held?.classList.remove("is-held");
    held = null;
    point(null);
  });

  /** The same day so many days later, as the server writes it. */
  function dayLater(day, days) {
    const at = new Date(`${day}T00:00:00Z`);
    at.setUTCDate(at.getUTCDate() + days);
    return at.toISOString().slice(0, 10);
  }

  document.addEventListener("keydown", (event) => {
    const task = event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey && event.target.closest?.("[data-calendar] [data-move-url]");
    if (!task) return;
    const month = !isWeekOrDay(calendarOf(task));
    const place = targetOf(task);
    const days = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: month ? -7 : 0, ArrowDown: month ? 7 : 0 }[event.code];
    if (days === undefined) return;
    event.preventDefault();
    if (days) return put(task, dayLater(place.dataset.dropDay, days));
    const hour = Number(place.dataset.dropHour) + (event.code === "ArrowUp" ? -1 : 1);
    if (hour >= 0 && hour < 24) put(task, place.dataset.dropDay, hour);
  });

  document.addEventListener("htmx:afterSettle", () => {
    if (!follow || !document.querySelector("[data-calendar]")) return;
    const again = document.getElementById(follow);
    follow = "";
    again?.querySelector(".cal-title")?.focus();
  });
})();
