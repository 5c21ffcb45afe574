//! What a program may do to the machine it is tried on: compute, within its memory. Steel has no such boundary of its own
//! (files, processes and modules are within reach of any program), so the operating system draws it.

use nix::sys::resource::{getrlimit, setrlimit, Resource};

/// The most a program may print, in bytes.
const OUTPUT_BYTES: u64 = 1 << 20;

/// Closes the door behind this process; an error says which part of it did not close.
pub fn enter(memory_mb: u64) -> Result<(), String> {
    limit(Resource::RLIMIT_FSIZE, OUTPUT_BYTES)?;
    limit(Resource::RLIMIT_CORE, 0)?;
    if let Some(used) = address_space() {
        limit(Resource::RLIMIT_AS, used + (memory_mb << 20))?;
    }
    deny_system_calls()
}

fn limit(resource: Resource, value: u64) -> Result<(), String> {
    getrlimit(resource)
        .and_then(|(_, hard)| setrlimit(resource, value.min(hard), value.min(hard)))
        .map_err(|error| format!("{resource:?} cannot be limited: {error}"))
}

/// Bytes of address space this process has, where the system tells.
fn address_space() -> Option<u64> {
    let pages: u64 = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').next()?.parse().ok()?;
    // SAFETY: a plain question to the system.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(pages * u64::try_from(page).ok()?)
}

/// How programs are kept from the machine, for people to read.
pub fn description() -> &'static str {
    if cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))) {
        "process, memory limit, system calls filtered"
    } else {
        "process; no filter for system calls on this platform"
    }
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn deny_system_calls() -> Result<(), String> {
    use seccompiler::{apply_filter, BpfProgram, SeccompAction, SeccompFilter};
    let rules = ALLOWED.iter().map(|&call| (call, Vec::new())).collect();
    // Everything else fails as without permission: the program sees an error of Steel and can be told where.
    let denied = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(
        rules,
        denied,
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into().map_err(describe)?,
    );
    let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(describe)?;
    apply_filter(&program).map_err(describe)
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn describe(error: impl std::fmt::Display) -> String {
    format!("system calls cannot be filtered: {error}")
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn deny_system_calls() -> Result<(), String> {
    Ok(())
}

/// Memory, time, what is open already, and the end.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
const ALLOWED: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getcwd,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_read,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_yield,
    libc::SYS_setitimer,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    libc::SYS_write,
];
