// Arrays of floats from base64, and the numbers of float16.

function bytesOfBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function floatsOfHalves(halves) {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) {
    const h = halves[i];
    const sign = (h & 0x8000) << 16;
    const exponent = (h >> 10) & 31;
    const fraction = h & 1023;
    if (exponent > 0) bits[i] = sign | ((exponent + 112) << 23) | (fraction << 13);
    else floats[i] = (sign ? -1 : 1) * fraction * 2 ** -24;
  }
  return floats;
}

function floatsOfBase64(text, precision) {
  const bytes = bytesOfBase64(text);
  return precision === "float16"
    ? floatsOfHalves(new Uint16Array(bytes.buffer))
    : new Float32Array(bytes.buffer);
}
