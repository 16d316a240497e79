using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Rehost.WindowsRegistry;

namespace Rehost.Testing.Windows;

/// <summary>Builds the disk of a phony Windows: partition table by sfdisk, NTFS by mkntfs, files through ntfs-3g, hives by hivexregedit from .reg texts. Needs root for the mount.</summary>
public sealed class PhonyDisk
{
    /// <summary>Size of the system volume, unless the guest says another.</summary>
    public const int SystemMebibytes = 60;

    private const int Mebibyte = 1 << 20;
    private const uint Signature = 0x5ca0be3e;
    private const string DiskGuid = "11223344-5566-7788-99AA-BBCCDDEEFF00";
    private const string EspGuid = "0A0B0C0D-0001-0002-0003-000000000001";
    private const string SystemGuid = "0A0B0C0D-0001-0002-0003-000000000002";
    private static readonly byte[] Descriptor = [1, 0, 4, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    private readonly PhonyWindows _windows;
    private readonly string _path;
    private readonly ScratchDirectory _scratch;

    private PhonyDisk(PhonyWindows windows, string path, ScratchDirectory scratch) => (_windows, _path, _scratch) = (windows, path, scratch);

    /// <summary>Where the system volume begins.</summary>
    public long SystemOffset => (_windows.IsUefi ? 34L : _windows.HasSystemReserved ? 21 : 1) * Mebibyte;

    /// <summary>Makes the disk.</summary>
    public static PhonyDisk Create(PhonyWindows windows, string path)
    {
        using var scratch = new ScratchDirectory();
        var disk = new PhonyDisk(windows, path, scratch);
        disk.Build();
        return disk;
    }

    /// <summary>A file of the system volume, read by ntfscat.</summary>
    public static byte[] NtfsFile(string image, long offset, string file, ScratchDirectory scratch)
    {
        var (volume, copy) = (scratch["volume.img"], scratch["file"]);
        Tool.MustRun("sh", "-c", $"dd if='{image}' of='{volume}' bs=1M skip={offset / Mebibyte} count={SystemMebibytes} status=none && ntfscat '{volume}' '{file}' > '{copy}'");
        return File.ReadAllBytes(copy);
    }

    private void Build()
    {
        var size = (SystemOffset / Mebibyte) + _windows.SystemMebibytes + 2;
        var table = _windows.IsUefi
            ? $"label: gpt\nlabel-id: {DiskGuid}\nstart=2048, size=65536, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid={EspGuid}\nstart={SystemOffset / 512}, size={_windows.SystemMebibytes * 2048}, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, uuid={SystemGuid}\n"
            : string.Create(CultureInfo.InvariantCulture, $"label: dos\nlabel-id: 0x{Signature:x8}\n{(_windows.HasSystemReserved ? "start=2048, size=40960, type=7, bootable\n" : "")}start={SystemOffset / 512}, size={_windows.SystemMebibytes * 2048}, type=7{(_windows.HasSystemReserved ? "" : ", bootable")}\n");
        File.WriteAllText(_scratch["table"], table);
        Tool.MustRun("sh", "-c", $"truncate -s {size}M '{_path}' && sfdisk -q '{_path}' < '{_scratch["table"]}'");
        if (!_windows.IsUefi)
        {
            // A boot sector that is anything but zeros: no code of anybody's.
            using var file = new FileStream(_path, FileMode.Open);
            file.Write([0xfa, 0xeb, 0xfe]);
        }

        MakeNtfs("system", SystemOffset, _windows.SystemMebibytes, FillSystem);
        if (_windows.IsUefi)
        {
            MakeEsp();
        }
        else if (_windows.HasSystemReserved)
        {
            MakeNtfs("reserved", Mebibyte, 20, mount =>
            {
                Directory.CreateDirectory($"{mount}/Boot");
                File.Copy(Bcd(Mebibyte), $"{mount}/Boot/BCD");
                File.WriteAllText($"{mount}/bootmgr", "phony");
            });
        }
    }

    private void MakeNtfs(string name, long offset, int mebibytes, Action<string> fill)
    {
        var (image, mount) = (_scratch[name + ".img"], _scratch[name]);
        Directory.CreateDirectory(mount);
        Tool.MustRun("sh", "-c", string.Create(CultureInfo.InvariantCulture, $"truncate -s {mebibytes}M '{image}' && mkntfs -q -F -Q -T -p {offset / 512} -H 16 -S 63 '{image}'"));
        using (new Mounted(image, mount, "-t", "ntfs-3g"))
        {
            fill(mount);
        }

        Tool.MustRun("sh", "-c", $"dd if='{image}' of='{_path}' bs=1M seek={offset / Mebibyte} conv=notrunc,sparse status=none");
    }

    private void MakeEsp()
    {
        var image = _scratch["esp.img"];
        File.WriteAllText(_scratch["bootmgfw.efi"], "phony boot manager");
        Tool.MustRun("sh", "-c", $"truncate -s 32M '{image}' && mkfs.vfat -n ESP '{image}' >/dev/null && mmd -i '{image}' ::/EFI ::/EFI/Microsoft ::/EFI/Microsoft/Boot ::/EFI/Vendor"
            + $" && mcopy -i '{image}' '{_scratch["bootmgfw.efi"]}' ::/EFI/Microsoft/Boot/bootmgfw.efi && mcopy -i '{image}' '{_scratch["bootmgfw.efi"]}' ::/EFI/Vendor/keep.efi{(_windows.HasFilesOfOthers ? $" && mmd -i '{image}' ::/EFI/BOOT && mcopy -i '{image}' '{_scratch["bootmgfw.efi"]}' ::/EFI/BOOT/others.efi" : "")} && mcopy -i '{image}' '{Bcd(0)}' ::/EFI/Microsoft/Boot/BCD"
            + $" && dd if='{image}' of='{_path}' bs=1M seek=1 conv=notrunc,sparse status=none");
    }

    private void FillSystem(string mount)
    {
        var root = $"{mount}/{_windows.Folder}";
        Directory.CreateDirectory($"{root}/System32/config");
        Directory.CreateDirectory($"{root}/System32/drivers");
        Directory.CreateDirectory($"{root}/INF");
        Directory.CreateDirectory($"{root}/Temp");
        Directory.CreateDirectory($"{mount}/Program Files");
        Directory.CreateDirectory($"{root}/System32/CatRoot/{{F750E6C3-38EE-11D1-85E5-00C04FC295EE}}");
        File.WriteAllBytes($"{root}/System32/ntoskrnl.exe", _windows.Program());
        File.WriteAllBytes($"{root}/System32/cmd.exe", _windows.Program());
        foreach (var driver in _windows.InBoxDrivers)
        {
            File.WriteAllText($"{root}/System32/drivers/{driver}", "in box " + driver);
        }

        if (_windows.SystemHive is { } hive)
        {
            File.WriteAllBytes($"{root}/System32/config/SYSTEM", hive);
        }
        else
        {
            File.Copy(HiveFrom("SYSTEM", _windows.System(MountedDevices())), $"{root}/System32/config/SYSTEM");
        }

        File.Copy(HiveFrom("SOFTWARE", _windows.Software()), $"{root}/System32/config/SOFTWARE");
        if (_windows.Version == "10.0")
        {
            File.Copy(HiveFrom("DRIVERS", "Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\DRIVERS\\DriverDatabase]\n\"Version\"=dword:0a000000\n\"OemInfMap\"=hex:00,00\n\n"), $"{root}/System32/config/DRIVERS");
        }

        var number = 0;
        foreach (var leftover in _windows.Leftovers)
        {
            FillLeftover(root, leftover, ref number);
        }

        if (_windows.Version[0] == '5')
        {
            File.WriteAllText($"{mount}/boot.ini", $"[boot loader]\r\ntimeout=30\r\ndefault=multi(0)disk(0)rdisk(0)partition(1)\\{_windows.Folder}\r\n[operating systems]\r\nmulti(0)disk(0)rdisk(0)partition(1)\\{_windows.Folder}=\"{_windows.Product}\" /fastdetect\r\n");
            File.WriteAllText($"{mount}/ntldr", "phony");
        }
        else if (!_windows.IsUefi && !_windows.HasSystemReserved)
        {
            Directory.CreateDirectory($"{mount}/Boot");
            File.Copy(Bcd(SystemOffset), $"{mount}/Boot/BCD");
            File.WriteAllText($"{mount}/bootmgr", "phony");
        }

        if (_windows.IsHibernated)
        {
            var memory = new byte[64 << 10];
            "hibr"u8.CopyTo(memory);
            File.WriteAllBytes($"{mount}/hiberfil.sys", memory);
        }
    }

    private void FillLeftover(string root, string leftover, ref int number)
    {
        foreach (var service in PhonyLeftovers.Services(leftover))
        {
            File.WriteAllText($"{root}/System32/drivers/{service}.sys", "left over " + service);
        }

        var index = 0;
        foreach (var package in PhonyLeftovers.Packages(leftover))
        {
            var inf = PhonyLeftovers.Inf(package.Provider, package.HardwareId, package.Service, _windows.Architecture);
            File.WriteAllText($"{root}/INF/oem{number}.inf", inf);
            File.WriteAllText($"{root}/INF/oem{number}.PNF", "precompiled");
            File.WriteAllText($"{root}/System32/CatRoot/{{F750E6C3-38EE-11D1-85E5-00C04FC295EE}}/oem{number}.cat", "catalogue");
            number++;
            index++;
            if (_windows.Version[0] != '5')
            {
                var store = $"{root}/System32/DriverStore/FileRepository/{package.Inf}_{_windows.Architecture}_{(_windows.HasDriverDatabase ? "" : "neutral_")}00112233445566{index:00}";
                Directory.CreateDirectory($"{store}/sub");
                File.WriteAllText($"{store}/{package.Inf}", inf);
                File.WriteAllText($"{store}/sub/{package.Service}.sys", "driver");
            }
        }
    }

    private string MountedDevices()
    {
        byte[] system = _windows.IsUefi ? [.. "DMIO:ID:"u8, .. new Guid(SystemGuid).ToByteArray()] : [.. BitConverter.GetBytes(Signature), .. BitConverter.GetBytes(SystemOffset)];
        return $"\"\\\\DosDevices\\\\C:\"=hex:{Hex(system)}\n\"\\\\DosDevices\\\\D:\"=hex:{Hex(Encoding.Unicode.GetBytes(@"\??\IDE#CdRomPhony"))}";
    }

    /// <summary>A hive: an empty one of our own, filled by hivexregedit.</summary>
    private string HiveFrom(string name, string reg)
    {
        var (hive, text) = (_scratch[name + ".hive"], _scratch[name + ".reg"]);
        File.WriteAllBytes(hive, Hive.Create(name, Descriptor, DateTimeOffset.UnixEpoch).ToArray());
        File.WriteAllText(text, WithParents(reg, name));
        Tool.MustRun("hivexregedit", "--merge", "--prefix", $@"HKEY_LOCAL_MACHINE\{name}", hive, text);
        return hive;
    }

    /// <summary>hivexregedit makes a key only below one that is there.</summary>
    private static string WithParents(string reg, string name)
    {
        var prefix = $@"[HKEY_LOCAL_MACHINE\{name}\";
        var known = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var text = new StringBuilder();
        foreach (var line in reg.Split('\n').Select(line => line.TrimEnd('\r')))
        {
            if (line.StartsWith(prefix, StringComparison.Ordinal))
            {
                var path = line[prefix.Length..^1];
                for (var slash = path.IndexOf('\\', StringComparison.Ordinal); slash > 0; slash = path.IndexOf('\\', slash + 1))
                {
                    if (known.Add(path[..slash]))
                    {
                        text.Append(prefix).Append(path[..slash]).Append("]\n\n");
                    }
                }

                known.Add(path);
            }

            text.Append(line).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>A boot store, its device elements by the layout that is documented for them; the boot volume begins at an offset of an MBR disk, or is the ESP.</summary>
    private string Bcd(long bootOffset)
    {
        var stale = _windows.HasStaleBootStore;
        var boot = _windows.IsUefi ? GptDevice(stale ? Guid.Empty.ToString().Replace('0', '7') : EspGuid) : MbrDevice(stale ? 0x12345678 : Signature, bootOffset);
        var system = _windows.IsUefi ? GptDevice(stale ? Guid.Empty.ToString().Replace('0', '8') : SystemGuid) : MbrDevice(stale ? 0x12345678 : Signature, SystemOffset);
        const string manager = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}";
        const string loader = "{aaaaaaaa-0000-0000-0000-000000000001}";
        var path = _windows.IsUefi ? @"\Windows\system32\winload.efi" : @"\Windows\system32\winload.exe";
        return HiveFrom("BCD", $"""
            Windows Registry Editor Version 5.00

            [HKEY_LOCAL_MACHINE\BCD\Description]
            "KeyName"="BCD00000000"

            [HKEY_LOCAL_MACHINE\BCD\Objects\{manager}\Description]
            "Type"=dword:10100002

            [HKEY_LOCAL_MACHINE\BCD\Objects\{manager}\Elements\11000001]
            "Element"=hex:{boot}

            [HKEY_LOCAL_MACHINE\BCD\Objects\{manager}\Elements\23000003]
            "Element"="{(stale ? "{bbbbbbbb-0000-0000-0000-000000000009}" : loader)}"

            [HKEY_LOCAL_MACHINE\BCD\Objects\{manager}\Elements\24000001]
            "Element"=hex(7):{PhonyWindows.Utf16(loader + "\0")}

            [HKEY_LOCAL_MACHINE\BCD\Objects\{manager}\Elements\25000004]
            "Element"=hex:1e,00,00,00,00,00,00,00

            [HKEY_LOCAL_MACHINE\BCD\Objects\{loader}\Description]
            "Type"=dword:10200003

            [HKEY_LOCAL_MACHINE\BCD\Objects\{loader}\Elements\11000001]
            "Element"=hex:{system}

            [HKEY_LOCAL_MACHINE\BCD\Objects\{loader}\Elements\12000002]
            "Element"="{path.Replace("\\", "\\\\", StringComparison.Ordinal)}"

            [HKEY_LOCAL_MACHINE\BCD\Objects\{loader}\Elements\12000004]
            "Element"="{_windows.Product}"

            [HKEY_LOCAL_MACHINE\BCD\Objects\{loader}\Elements\14000008]
            "Element"=hex(7):{PhonyWindows.Utf16("{aaaaaaaa-0000-0000-0000-000000000002}\0")}

            [HKEY_LOCAL_MACHINE\BCD\Objects\{loader}\Elements\16000009]
            "Element"=hex:01

            [HKEY_LOCAL_MACHINE\BCD\Objects\{loader}\Elements\16000046]
            "Element"=hex:01

            [HKEY_LOCAL_MACHINE\BCD\Objects\{loader}\Elements\21000001]
            "Element"=hex:{system}

            [HKEY_LOCAL_MACHINE\BCD\Objects\{loader}\Elements\22000002]
            "Element"="\\Windows"

            """);
    }

    private static string MbrDevice(uint signature, long offset)
    {
        var data = new byte[0x58];
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(0x10), 6);
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(0x18), 0x48);
        BinaryPrimitives.WriteInt64LittleEndian(data.AsSpan(0x20), offset);
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(0x34), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(0x38), signature);
        return Hex(data);
    }

    private static string GptDevice(string partition)
    {
        var data = new byte[0x58];
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(0x10), 6);
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(0x18), 0x48);
        new Guid(partition).ToByteArray().CopyTo(data, 0x20);
        new Guid(DiskGuid).ToByteArray().CopyTo(data, 0x38);
        return Hex(data);
    }

    private static string Hex(byte[] data) => string.Join(',', data.Select(one => one.ToString("x2", CultureInfo.InvariantCulture)));
}
