export function Certifications() {
  return null;
}
