using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Rehost.Proof.Qemu;

/// <summary>A running QEMU, ended for certain when it is disposed.</summary>
internal sealed class QemuProcess : IDisposable
{
    private const int KeptErrorCharacters = 16 << 10;
    private readonly Process _process;
    private readonly StringBuilder _errors = new();

    private QemuProcess(Process process)
    {
        _process = process;
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
            {
                if (line.Data is not null && _errors.Length < KeptErrorCharacters)
                {
                    _errors.Append(line.Data).Append('\n');
                }
            }
        };
        _process.BeginErrorReadLine();
    }

    /// <summary>What the guest writes on its serial port.</summary>
    public Stream Serial => _process.StandardOutput.BaseStream;

    /// <summary>Sends bytes to the guest's serial port; lost when QEMU has ended.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _process.StandardInput.BaseStream.Write(bytes);
            _process.StandardInput.BaseStream.Flush();
        }
        catch (IOException)
        {
            // The end of QEMU shows at its output.
        }
    }

    /// <summary>What QEMU itself said.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
            {
                return _errors.ToString();
            }
        }
    }

    /// <summary>Its exit code, or null while it runs.</summary>
    public int? ExitCode => _process.HasExited ? _process.ExitCode : null;

    /// <summary>Starts it. It begins with nothing of our environment but what it needs to find its files.</summary>
    public static QemuProcess Start(string program, ImmutableArray<string> arguments, ProcessLimits limits)
    {
        try
        {
            var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false };
            foreach (var name in start.Environment.Keys.Where(name => name is not ("PATH" or "HOME" or "TMPDIR" or "LD_LIBRARY_PATH")).ToList())
            {
                start.Environment.Remove(name);
            }

            var process = Process.Start(start) ?? throw QemuDiagnostics.QemuFailed.ToException("it did not start", program);
            if (!limits.TryApply(process.Id) && !process.HasExited)
            {
                Stop(process);
                throw QemuDiagnostics.QemuFailed.ToException("the kernel refuses to limit its memory and time", program);
            }

            return new QemuProcess(process);
        }
        catch (Win32Exception e)
        {
            throw QemuDiagnostics.QemuFailed.ToException(e.Message, program, e);
        }
    }

    /// <summary>Waits for its end after its output has ended.</summary>
    public void WaitForExit(TimeSpan time)
    {
        if (_process.WaitForExit(time))
        {
            // Without a time it also waits for the last of the error stream.
            _process.WaitForExit();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Stop(_process);

    /// <summary>Kills a process that may have ended already, and forgets it.</summary>
    internal static void Stop(Process? process)
    {
        if (process is null)
        {
            return;
        }

        try
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit(TimeSpan.FromSeconds(10));
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It ended by itself.
        }

        process.Dispose();
    }
}
