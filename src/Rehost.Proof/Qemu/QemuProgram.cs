using System.Diagnostics;
using System.Text;
using Rehost.Model;

namespace Rehost.Proof.Qemu;

/// <summary>The QEMU of this machine and what it can do.</summary>
/// <param name="Path">The program.</param>
/// <param name="HasSandbox">It was built with seccomp.</param>
public sealed record QemuProgram(string Path, bool HasSandbox)
{
    private static readonly string[] s_places =
        ["/usr/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm", "/usr/bin/qemu-kvm", "/usr/local/bin/qemu-system-x86_64"];

    /// <summary>Finds QEMU.</summary>
    /// <param name="path">The program, or null to look in PATH and the usual places.</param>
    /// <exception cref="DiagnosticException">QEM001.</exception>
    public static QemuProgram Find(string? path = null)
    {
        var inPath = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Select(folder => System.IO.Path.Combine(folder, "qemu-system-x86_64"));
        var found = path is not null ? (File.Exists(path) ? path : null) : inPath.Concat(s_places).FirstOrDefault(File.Exists);
        return found is null
            ? throw QemuDiagnostics.NoQemu.ToException(path is null ? "no qemu-system-x86_64 in PATH or the usual places" : "there is no such program", path)
            : new QemuProgram(found, RunFor(found, TimeSpan.FromSeconds(20), ["-help"], stopAtFirstByte: false).Contains("-sandbox", StringComparison.Ordinal));
    }

    /// <summary>
    /// Whether KVM runs guest code here. The BIOS is started with it for a moment and must say something on its debug port: opening /dev/kvm
    /// proves nothing, because containers and nested machines have the device without the means.
    /// </summary>
    public bool KvmWorks() =>
        File.Exists("/dev/kvm")
        && RunFor(Path, TimeSpan.FromSeconds(10),
            ["-nodefaults", "-no-user-config", "-machine", "pc", "-accel", "kvm", "-cpu", "host", "-m", "64M", "-display", "none",
                "-chardev", "stdio,id=debug0,signal=off", "-device", "isa-debugcon,iobase=0x402,chardev=debug0"], stopAtFirstByte: true).Length > 0;

    private static string RunFor(string program, TimeSpan time, string[] arguments, bool stopAtFirstByte)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        Process? process = null;
        try
        {
            process = Process.Start(start) ?? throw QemuDiagnostics.QemuFailed.ToException("it did not start", program);
            process.ErrorDataReceived += (_, _) => { };
            process.BeginErrorReadLine();
            using var deadline = new CancellationTokenSource(time);
            var output = new StringBuilder();
            var buffer = new char[4096];
            while (output.Length < 1 << 20)
            {
                var count = process.StandardOutput.ReadAsync(buffer, deadline.Token).AsTask().GetAwaiter().GetResult();
                output.Append(buffer, 0, count);
                if (count == 0 || stopAtFirstByte)
                {
                    break;
                }
            }

            return output.ToString();
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            return "";
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw QemuDiagnostics.QemuFailed.ToException(e.Message, program, e);
        }
        finally
        {
            QemuProcess.Stop(process);
        }
    }
}
