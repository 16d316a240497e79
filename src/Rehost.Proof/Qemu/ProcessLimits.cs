using System.Runtime.InteropServices;

namespace Rehost.Proof.Qemu;

/// <summary>
/// What a QEMU that runs a stranger's guest may take of this machine, kept by the kernel (setrlimit(2)), whatever becomes of QEMU or of us: address space, processor time, the size
/// of any one file, and no core dump, which would hold the guest's memory.
/// </summary>
/// <param name="AddressSpace">Bytes.</param>
/// <param name="ProcessorSeconds">Seconds of all its threads together.</param>
/// <param name="FileSize">Bytes of a file, the throw-away overlays among them.</param>
internal sealed partial record ProcessLimits(ulong AddressSpace, ulong ProcessorSeconds, ulong FileSize)
{
    // <bits/resource.h>, the same on x86-64 and arm64.
    private const int ProcessorTime = 0;
    private const int LargestFile = 1;
    private const int CoreDump = 4;
    private const int Memory = 9;

    private const ulong Gibibyte = 1UL << 30;

    /// <summary>Beside the guest's memory: QEMU itself, 1 GiB of translated code, the stacks and heaps of its threads, which are reserved and hardly used.</summary>
    private const ulong OwnAddressSpace = 6 * Gibibyte;

    /// <summary>Seconds for starting and for the screenshot.</summary>
    private const ulong Margin = 60;

    /// <summary>A start writes logs and a journal; a guest that rewrites its disk is none that this proof is for.</summary>
    private const ulong OverlaySize = 16 * Gibibyte;

    /// <summary>Limits for a guest.</summary>
    /// <param name="memoryBytes">Its memory.</param>
    /// <param name="cpus">Its processors.</param>
    /// <param name="time">Time until its end.</param>
    public static ProcessLimits For(long memoryBytes, int cpus, TimeSpan time)
        => new((ulong)Math.Max(0, memoryBytes) + OwnAddressSpace, (ulong)(time.TotalSeconds * (cpus + 2)) + Margin, OverlaySize);

    /// <summary>Sets them for a process of ours.</summary>
    /// <returns>Whether all were set; false when the process has ended.</returns>
    public bool TryApply(int process)
        => Set(process, CoreDump, 0) & Set(process, Memory, AddressSpace) & Set(process, ProcessorTime, ProcessorSeconds) & Set(process, LargestFile, FileSize);

    private static unsafe bool Set(int process, int resource, ulong limit)
    {
        var both = stackalloc ulong[] { limit, limit }; // soft and hard: a program may raise the first to the second
        return SetLimit(process, resource, both, null) == 0;
    }

    [LibraryImport("libc", EntryPoint = "prlimit64", SetLastError = true)]
    private static unsafe partial int SetLimit(int process, int resource, ulong* fresh, ulong* old);
}
