using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>Findings of the block layer.</summary>
public static class BlockDiagnostics
{
    /// <summary>A read or write leaves the device.</summary>
    public static readonly DiagnosticDescriptor OutOfRange = new("BLK001", Severity.Error, FaultKind.Source,
        "An access leaves the device", "The image is shorter than the structures in it say: check that it was copied completely, and export it again if not.");

    /// <summary>A write to a device opened for reading.</summary>
    public static readonly DiagnosticDescriptor ReadOnly = new("BLK002", Severity.Error, FaultKind.Target,
        "A write to a read-only device", "This is a fault of Rehost: please report it with the command that was run.");

    /// <summary>The operating system could not read.</summary>
    public static readonly DiagnosticDescriptor ReadFailed = new("BLK003", Severity.Error, FaultKind.Source,
        "The source cannot be read", "Check the file, its permissions and the disk it is on (dmesg tells of bad sectors).");

    /// <summary>The operating system could not write.</summary>
    public static readonly DiagnosticDescriptor WriteFailed = new("BLK004", Severity.Error, FaultKind.Target,
        "The target cannot be written", "Free some space on the target or choose another place for it; nothing that looks finished was left behind.");

    /// <summary>A file is not there.</summary>
    public static readonly DiagnosticDescriptor NotFound = new("BLK005", Severity.Error, FaultKind.Source,
        "A file is missing", "Check the name; paths in a configuration are taken relative to the configuration file.");

    /// <summary>A reference in an image leads out of the directory of the source.</summary>
    public static readonly DiagnosticDescriptor OutsideDirectory = new("BLK006", Severity.Error, FaultKind.Source,
        "An image refers to a file elsewhere", "Look at what it refers to; if it belongs to this machine, allow the directory it is in with --allow-path.");

    /// <summary>A block device that must not be overwritten now.</summary>
    public static readonly DiagnosticDescriptor DeviceInUse = new("BLK007", Severity.Error, FaultKind.Target,
        "The target device cannot be used", "Unmount it, take it out of the volume group or array, and make sure that its name is the one you mean.");

    /// <summary>A block device that is too small.</summary>
    public static readonly DiagnosticDescriptor DeviceTooSmall = new("BLK008", Severity.Error, FaultKind.Target,
        "The target device is too small", "Make the device at least as large as the disk (lvextend), or write to a file.");

    /// <summary>Another run writes the same file.</summary>
    public static readonly DiagnosticDescriptor BeingWritten = new("BLK012", Severity.Error, FaultKind.Target,
        "Another run is writing this target", "Wait until it is done, or stop it; then convert again, with --resume to go on with what it left.");

    /// <summary>Throws <see cref="OutOfRange"/> unless the range lies within the device.</summary>
    /// <param name="offset">First byte of the access.</param>
    /// <param name="length">Bytes of the access.</param>
    /// <param name="deviceLength">Bytes of the device.</param>
    /// <param name="deviceName">What to call the device in the message.</param>
    public static void CheckRange(GuestOffset offset, long length, long deviceLength, string deviceName)
    {
        if (offset.Value < 0 || length < 0 || offset.Value > deviceLength - length)
        {
            throw OutOfRange.ToException($"{length} bytes at offset {offset.Value} leave a device of {deviceLength} bytes", deviceName);
        }
    }
}
