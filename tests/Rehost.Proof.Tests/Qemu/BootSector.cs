using System.Text;

namespace Rehost.Proof.Tests.Qemu;

/// <summary>Boot sectors assembled by hand, on disks of 1 MiB, that write a message to COM1, for proofs that need no guest.</summary>
internal static class BootSector
{
    /// <summary>Writes the message, then runs the last instructions.</summary>
    public static byte[] Make(string message, params byte[] last)
    {
        byte[] code =
        [
            0x31, 0xC0,             // xor ax, ax
            0x8E, 0xD8,             // mov ds, ax
            0xBA, 0xF8, 0x03,       // mov dx, 0x3f8
            0xBE, 0x20, 0x7C,       // mov si, 0x7c20: the message
            0xAC,                   // next: lodsb
            0x84, 0xC0,             // test al, al
            0x74, 0x03,             // jz done
            0xEE,                   // out dx, al
            0xEB, 0xF8,             // jmp next
            .. last,                // done:
        ];
        var sector = new byte[1 << 20]; // SeaBIOS boots no disk smaller than a cylinder
        code.CopyTo(sector, 0);
        Encoding.ASCII.GetBytes(message).CopyTo(sector, 0x20);
        sector[510] = 0x55;
        sector[511] = 0xAA;
        return sector;
    }

    /// <summary>Writes the message on the screen by the BIOS, and stops there.</summary>
    public static byte[] OnScreen(string message)
    {
        byte[] code =
        [
            0x31, 0xC0,             // xor ax, ax
            0x8E, 0xD8,             // mov ds, ax
            0xBE, 0x20, 0x7C,       // mov si, 0x7c20: the message
            0xAC,                   // next: lodsb
            0x84, 0xC0,             // test al, al
            0x74, 0x09,             // jz done
            0xB4, 0x0E,             // mov ah, 0x0e: teletype
            0xBB, 0x07, 0x00,       // mov bx, 7
            0xCD, 0x10,             // int 0x10
            0xEB, 0xF2,             // jmp next
            .. Halt,                // done:
        ];
        var sector = Make(message);
        code.CopyTo(sector, 0);
        return sector;
    }

    /// <summary>hlt; jmp back to it.</summary>
    public static byte[] Halt => [0xF4, 0xEB, 0xFD];

    /// <summary>jmp ffff:0000, which restarts a PC.</summary>
    public static byte[] Restart => [0xEA, 0x00, 0x00, 0xFF, 0xFF];
}
