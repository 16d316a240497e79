using System.Runtime.InteropServices;

namespace Rehost.Cli;

/// <summary>
/// SIGINT, SIGTERM and SIGHUP ask the run to stop: it ends at the next piece, makes durable what it has, and says how to go on. A second one ends the process at once. A hangup that was ignored
/// when the process started (nohup) stays ignored.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<PosixSignalRegistration> _registrations = [];

    public StopSignals()
    {
        foreach (var signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP })
        {
            if (signal != PosixSignal.SIGHUP || !IsHangupIgnored())
            {
                _registrations.Add(PosixSignalRegistration.Create(signal, Receive));
            }
        }
    }

    /// <summary>The signal that asked the run to stop; null when none did.</summary>
    public static PosixSignal? Received { get; private set; }

    /// <summary>What ends a run that was asked to stop: 128 and the signal's number, as shells have it.</summary>
    public static int ExitCode => Received switch
    {
        PosixSignal.SIGHUP => Cli.ExitCode.HungUp,
        PosixSignal.SIGTERM => Cli.ExitCode.Terminated,
        _ => Cli.ExitCode.Cancelled,
    };

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _stop.Token;

    /// <inheritdoc/>
    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _stop.Dispose();
    }

    private void Receive(PosixSignalContext context)
    {
        if (Received is not null)
        {
            return; // the second one does what it does by itself
        }

        Received = context.Signal;
        context.Cancel = true;
        _stop.Cancel();
    }

    // proc(5): SigIgn is a mask, its lowest bit stands for signal 1.
    private static bool IsHangupIgnored()
    {
        try
        {
            var line = File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal));
            return line is not null && (Convert.ToUInt64(line["SigIgn:".Length..].Trim(), 16) & 1) != 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return false;
        }
    }
}
