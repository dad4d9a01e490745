export function Reverse() {
  return null;
}
