/** Options that tell binaryen's tools what of WebAssembly the programs use. */
export const features = ['simd', 'bulk-memory', 'nontrapping-float-to-int', 'sign-ext', 'mutable-globals', 'reference-types', 'multivalue'].map(
  (feature) => `--enable-${feature}`,
)
