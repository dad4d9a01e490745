/** Where this application and its API are, read from the page itself: no prefix is assumed. */
export const CONSOLE = new URL(".", document.baseURI);
export const API = new URL("..", CONSOLE);
