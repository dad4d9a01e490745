export function Merchants() {
  return null;
}
