using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Rehost.Model;

namespace Rehost.Conversion.BootLoaders.Grub2;

/// <summary>
/// The configuration inside the core image. GRUB's rescue parser runs it: one plain command a line, variables, no if and no functions; a command that fails prints its message
/// and the next one runs.
/// </summary>
/// <param name="FileSystemUuid">UUID of the file system that holds the configuration.</param>
/// <param name="PrefixPath">GRUB's directory in that file system: /boot/grub, or /grub when it is a /boot of its own.</param>
public sealed record GrubEarlyConfig(string FileSystemUuid, string PrefixPath)
{
    /// <summary>Serial port for menu and messages beside the screen; null for none. Port 0 is ttyS0.</summary>
    public int? SerialPort { get; init; } = 0;

    /// <summary>Bits per second on the serial port.</summary>
    public int SerialSpeed { get; init; } = 115200;

    /// <summary>What follows.</summary>
    public GrubContinuation Continuation { get; init; } = GrubContinuation.PrefixConfiguration;

    /// <summary>Path in the same file system for <see cref="GrubContinuation.OtherConfiguration"/> and <see cref="GrubContinuation.LegacyMenu"/>.</summary>
    public string? ConfigurationPath { get; init; }

    /// <summary>
    /// Modules to load from $prefix/i386-pc before anything else, for the small core image, which has no room for "serial" and "terminal". They must be of the core image's own version.
    /// </summary>
    public ImmutableArray<string> ModulesFromPrefix { get; init; } = [];

    /// <summary>The commands.</summary>
    /// <exception cref="DiagnosticException">A value would not survive GRUB's parser (GRB009).</exception>
    public string ToText()
    {
        var text = new StringBuilder();
        if (ModulesFromPrefix.IsEmpty)
        {
            AppendSerial(text);
        }

        text.Append(CultureInfo.InvariantCulture, $"search.fs_uuid {DemandUuid(FileSystemUuid)} root\n");
        text.Append(CultureInfo.InvariantCulture, $"set prefix=($root){DemandPath(PrefixPath)}\n");
        if (!ModulesFromPrefix.IsEmpty)
        {
            foreach (var module in ModulesFromPrefix)
            {
                text.Append(CultureInfo.InvariantCulture, $"insmod {DemandModule(module)}\n");
            }

            AppendSerial(text);
        }

        switch (Continuation)
        {
            case GrubContinuation.PrefixConfiguration:
                break;
            case GrubContinuation.OtherConfiguration:
                // "normal FILE" rather than "configfile": it also reads the lists of commands at the prefix.
                text.Append(CultureInfo.InvariantCulture, $"normal ($root){DemandPath(ConfigurationPath)}\n");
                break;
            case GrubContinuation.LegacyMenu:
                text.Append(CultureInfo.InvariantCulture, $"legacy_configfile ($root){DemandPath(ConfigurationPath)}\n");
                break;
            default:
                throw GrubDiagnostics.IllegalValue.ToException($"continuation {Continuation}");
        }

        return text.ToString();
    }

    private void AppendSerial(StringBuilder text)
    {
        if (SerialPort is { } port)
        {
            // "console" first: without a serial port the second name fails, and the screen still works.
            text.Append(CultureInfo.InvariantCulture, $"serial --unit={port} --speed={SerialSpeed}\n");
            text.Append("terminal_input console serial\nterminal_output console serial\n");
        }
    }

    private static string DemandModule(string name)
        => GrubFileLimits.IsPlainName(name) ? name : throw GrubDiagnostics.IllegalValue.ToException($"the module name '{name}'");

    private static string DemandUuid(string uuid)
        => uuid.Length is > 0 and <= 36 && uuid.All(one => char.IsAsciiHexDigit(one) || one == '-')
            ? uuid
            : throw GrubDiagnostics.IllegalValue.ToException($"'{uuid}' is no file system UUID");

    private static string DemandPath(string? path)
        => path is { Length: > 1 and <= 255 } && path[0] == '/' && path.All(one => char.IsAsciiLetterOrDigit(one) || one is '.' or '_' or '-' or '+' or '@' or '/')
            ? path
            : throw GrubDiagnostics.IllegalValue.ToException($"the path '{path}'");
}
