//! Plain loops compiled for the machine's widest common vectors.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "the same loop is compiled twice, once for AVX2, chosen at run time"
    )
)]
#![expect(
    clippy::inline_always,
    reason = "a loop must be compiled with its caller's target features"
)]

/// Runs a loop compiled for AVX2 where the processor has it. The loop is a closure marked
/// `#[inline(always)]`; its results are the same either way, as no operation is fused or reordered.
#[inline(always)]
pub fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 is there.
        return unsafe { with_avx2(work) };
    }
    work()
}

/// # Safety
/// AVX2 must be there.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}
