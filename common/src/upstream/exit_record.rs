//! The one system call that nobody offers us safely: what the kernel keeps of a process that has ended.
//!
//! `PIDFD_GET_INFO` with `PIDFD_INFO_EXIT`, Linux 6.15 and later (include/uapi/linux/pidfd.h). It answers
//! for any process of which somebody held a pidfd while it lived, child or not, once it was reaped.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

/// `struct pidfd_info` in its first size, 64 bytes.
#[repr(C)]
#[derive(Default)]
struct Info {
    mask: u64,
    cgroup: u64,
    /// pid, tgid, ppid, then eight user and group ids.
    ids: [u32; 11],
    exit_code: i32,
}

const _: () = assert!(size_of::<Info>() == 64, "PIDFD_INFO_SIZE_VER0");

/// `PIDFD_INFO_EXIT`: asked for, and set in the answer where there is one.
const EXIT: u64 = 1 << 3;
/// `_IOWR(0xFF, 11, struct pidfd_info)`.
const GET_INFO: Opcode = opcode::read_write::<Info>(0xff, 11);

/// The wait status of the process behind `pidfd`; none if it has not ended, or was not reaped yet.
///
/// # Errors
/// Where the kernel can't tell: it is too old, or the process was reaped before the pidfd was made.
#[allow(
    unsafe_code,
    reason = "no crate offers this request; nothing else here is unsafe"
)]
pub(super) fn wait_status(pidfd: BorrowedFd<'_>) -> Result<Option<i32>, Errno> {
    let mut info = Info {
        mask: EXIT,
        ..Info::default()
    };
    // SAFETY: the opcode carries the size of `Info`, which is laid out as the kernel's struct and made of
    // integers only, so any bytes are a valid value. The kernel reads and writes at most that many bytes, and
    // `info` is borrowed for the duration of the call. Any other kind of descriptor refuses this opcode or
    // at most fills the same 64 bytes.
    unsafe { ioctl(pidfd, Updater::<GET_INFO, Info>::new(&mut info)) }?;
    Ok((info.mask & EXIT != 0).then_some(info.exit_code))
}
