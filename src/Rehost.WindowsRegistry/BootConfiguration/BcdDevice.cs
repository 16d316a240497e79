using System.Buffers.Binary;

namespace Rehost.WindowsRegistry.BootConfiguration;

/// <summary>A device element: 16 bytes that name an object with further options, then the device, which for files holds the partition that they are on.</summary>
public sealed class BcdDevice
{
    private const int Header = 16;
    private const int DeviceHeader = 16;
    private const int PartitionSize = 0x48;
    private const int ParentOfFile = 0x44;
    private const uint BlockDevice = 0;
    private const uint BootType = 5;
    private const uint PartitionType = 6;
    private const uint LocateType = 8;
    private const uint RamDiskBlock = 3;
    private const uint FileBlock = 5;
    private const uint GptStyle = 0;
    private const uint MbrStyle = 1;
    private readonly byte[] _raw;
    private readonly int _partition = -1;

    private BcdDevice(byte[] raw)
    {
        _raw = raw;
        if (raw.Length < Header + DeviceHeader)
        {
            return;
        }

        (Kind, var at) = U32(Header) switch
        {
            PartitionType => (BcdDeviceKind.Partition, Header),
            BootType => (BcdDeviceKind.Boot, -1),
            LocateType => (BcdDeviceKind.Locate, -1),
            BlockDevice when raw.Length > Header + DeviceHeader + 4 => U32(Header + DeviceHeader) switch
            {
                RamDiskBlock => (BcdDeviceKind.RamDisk, ParentOfFile),
                FileBlock => (BcdDeviceKind.File, ParentOfFile),
                _ => (BcdDeviceKind.Other, -1),
            },
            _ => (BcdDeviceKind.Other, -1),
        };
        if (at >= 0 && raw.Length >= at + PartitionSize && U32(at) == PartitionType && U32(at + 8) >= PartitionSize && U32(at + 0x24) is GptStyle or MbrStyle)
        {
            _partition = at;
        }
        else if (Kind == BcdDeviceKind.Partition)
        {
            Kind = BcdDeviceKind.Other;
        }
    }

    /// <summary>What it is.</summary>
    public BcdDeviceKind Kind { get; }

    /// <summary>The object with further options (of a RAM disk); empty when there is none.</summary>
    public Guid OptionsId => _raw.Length >= Header ? new Guid(_raw.AsSpan(0, Header)) : Guid.Empty;

    /// <summary>The partition that is meant, or that the file is on; null when it names none.</summary>
    public BcdPartition? Partition => _partition < 0
        ? null
        : U32(_partition + 0x24) == GptStyle
            ? new BcdPartition.Gpt(new Guid(_raw.AsSpan(_partition + 16, 16)), new Guid(_raw.AsSpan(_partition + 0x28, 16)))
            : new BcdPartition.Mbr(BinaryPrimitives.ReadUInt64LittleEndian(_raw.AsSpan(_partition + 16)), U32(_partition + 0x28));

    /// <summary>The path of the file, for RAM disks and files; null for others.</summary>
    public string? FilePath => _partition == ParentOfFile && RegistryValue.Decode(_raw.AsSpan(ParentOfFile + PartitionSize)) is var text
        ? text.IndexOf('\0', StringComparison.Ordinal) is var end and >= 0 ? text[..end] : text
        : null;

    /// <summary>Reads an element's data.</summary>
    public static BcdDevice Decode(byte[] data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return new BcdDevice([.. data]);
    }

    /// <summary>The device that the firmware booted from.</summary>
    public static BcdDevice OfBoot() => new(Make(BootType));

    /// <summary>A partition.</summary>
    public static BcdDevice Of(BcdPartition partition) => new BcdDevice(Make(PartitionType)).With(partition);

    /// <summary>The same device on another partition; the rest stays.</summary>
    /// <exception cref="Model.DiagnosticException">The device names no partition (REG011).</exception>
    public BcdDevice With(BcdPartition partition)
    {
        ArgumentNullException.ThrowIfNull(partition);
        if (_partition < 0)
        {
            throw HiveDiagnostics.BadBootStore.ToException($"a device of kind {Kind} names no partition that could be another");
        }

        byte[] raw = [.. _raw];
        var target = raw.AsSpan(_partition, PartitionSize);
        target[16..32].Clear();
        target[0x24..0x38].Clear();
        if (partition is BcdPartition.Gpt gpt)
        {
            gpt.PartitionId.TryWriteBytes(target[16..]);
            gpt.DiskId.TryWriteBytes(target[0x28..]);
        }
        else if (partition is BcdPartition.Mbr mbr)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(target[16..], mbr.Offset);
            BinaryPrimitives.WriteUInt32LittleEndian(target[0x24..], MbrStyle);
            BinaryPrimitives.WriteUInt32LittleEndian(target[0x28..], mbr.DiskSignature);
        }

        return new BcdDevice(raw);
    }

    /// <summary>The element's data.</summary>
    public byte[] Encode() => [.. _raw];

    /// <summary>As bcdedit words it, nearly.</summary>
    public override string ToString() => Kind switch
    {
        BcdDeviceKind.Boot => "boot",
        BcdDeviceKind.Partition => $"{Partition}",
        BcdDeviceKind.RamDisk => $"ramdisk={FilePath} on {Partition}",
        BcdDeviceKind.File => $"file={FilePath} on {Partition}",
        BcdDeviceKind.Locate => "locate",
        _ => $"unknown device of {_raw.Length} bytes",
    };

    private static byte[] Make(uint type)
    {
        var raw = new byte[Header + PartitionSize];
        BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(Header), type);
        BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(Header + 8), PartitionSize);
        return raw;
    }

    private uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_raw.AsSpan(offset));
}
