export function Corrections() {
  return null;
}
