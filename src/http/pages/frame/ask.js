// What a form asks before it is sent. Lists may be replaced again and again, so the page listens.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.ask;
  if (question && !confirm(question)) event.preventDefault();
});
