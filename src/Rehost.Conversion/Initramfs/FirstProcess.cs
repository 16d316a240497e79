using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.Conversion.Initramfs;

/// <summary>
/// The program that an initramfs of ours starts with: an ELF file made here, of system calls in a row, without libraries, for x86_64 or 32-bit x86. It mounts devtmpfs, loads modules, tries to mount
/// the root for half a minute, makes it the root, and becomes the guest's init with the arguments that the kernel gave it. What fails on the way is passed over; without a root it says so and ends, which the kernel
/// reports as a panic. Numbers of calls: arch/x86/entry/syscalls; ELF: gABI 4.1, chapters 4 and 5.
/// </summary>
internal sealed class FirstProcess
{
    private const uint Base = 0x400000;
    private const int Tries = 300;
    private const int PauseNanoseconds = 100_000_000;
    private const int ReadOnly = 1;
    private const int Move = 8192;

    private readonly bool _is64Bit;
    private readonly int _headers;
    private readonly List<byte> _code = [];
    private readonly List<byte> _data = [];

    // Places in the code that hold an offset into the data until its address is known.
    private readonly List<int> _fixups = [];

    private FirstProcess(bool is64Bit) => (_is64Bit, _headers) = (is64Bit, is64Bit ? 64 + 56 : 52 + 32);

    /// <summary>Makes the program.</summary>
    /// <param name="change">What it is to do.</param>
    /// <param name="modules">Paths of the modules in the archive, in the order in which they are loaded.</param>
    /// <param name="largestModule">Bytes of the largest of them.</param>
    public static byte[] Build(MakeInitramfs change, IEnumerable<string> modules, int largestModule)
    {
        var program = new FirstProcess(change.Is64Bit);
        program.Write(change, modules, largestModule);
        return program.Link(largestModule);
    }

    private void Write(MakeInitramfs change, IEnumerable<string> modules, int largestModule)
    {
        Call(Number.Mount, Text("devtmpfs"), Text("/dev"), Text("devtmpfs"), 0, 0);
        foreach (var module in modules)
        {
            // read() of a file in the initramfs gives all of it at once.
            Call(Number.Open, Text(module), 0, 0);
            CallWithResult(Number.Read, resultAt: 0, 0, Buffer, new Operand((uint)largestModule));
            CallWithResult(Number.InitModule, resultAt: 1, Buffer, 0, Text(""));
        }

        // Drivers find disks while the program goes on.
        Emit(0xBD, Tries); // mov ebp, Tries
        var again = _code.Count;
        Call(Number.Mount, Text(change.RootDevice), Text("/root"), Text(change.RootType), ReadOnly, change.RootOptions.Length > 0 ? Text(change.RootOptions) : 0);
        Emit([0x85, 0xC0, 0x0F, 0x84]); // test eax, eax; jz mounted
        var mounted = Reserve();
        Call(Number.Nanosleep, Pause(), 0);
        Emit(_is64Bit ? [0xFF, 0xCD, 0x0F, 0x85] : [0x4D, 0x0F, 0x85]); // dec ebp; jnz again
        Patch(Reserve(), again);
        Say($"rehost: the root {change.RootDevice} ({change.RootType}) cannot be mounted\n");
        Call(Number.Exit, 1);

        Patch(mounted, _code.Count);
        Call(Number.Mount, Text("/dev"), Text("/root/dev"), 0, Move, 0);
        Call(Number.ChangeDirectory, Text("/root"));
        Call(Number.Mount, Text("."), Text("/"), 0, Move, 0);
        Call(Number.ChangeRoot, Text("."));
        Call(Number.ChangeDirectory, Text("/"));
        foreach (var init in change.InitPrograms)
        {
            Execute(Text(init));
        }

        Say("rehost: the guest has no init\n");
        Call(Number.Exit, 1);
    }

    // The stack is as the kernel left it: count, arguments, 0, environment. The program's own name becomes init's.
    private void Execute(Operand program)
    {
        if (_is64Bit)
        {
            Emit([0x48, 0xC7, 0x44, 0x24, 0x08]); // mov qword [rsp+8], program
            Emit(program);
            Emit([0x48, 0x8B, 0x0C, 0x24, 0x48, 0x8D, 0x54, 0xCC, 0x10, 0x48, 0x8D, 0x74, 0x24, 0x08]); // mov rcx, [rsp]; lea rdx, [rsp+rcx*8+16]; lea rsi, [rsp+8]
            Emit(0xBF, program); // mov edi, program
        }
        else
        {
            Emit([0xC7, 0x44, 0x24, 0x04]); // mov dword [esp+4], program
            Emit(program);
            Emit([0x8B, 0x04, 0x24, 0x8D, 0x54, 0x84, 0x08, 0x8D, 0x4C, 0x24, 0x04]); // mov eax, [esp]; lea edx, [esp+eax*4+8]; lea ecx, [esp+4]
            Emit(0xBB, program); // mov ebx, program
        }

        Enter(Number.Execute);
    }

    private void Say(string text) => Call(Number.Write, 1, Text(text), new Operand((uint)text.Length));

    private void Call(Number number, params Operand[] arguments)
    {
        for (var i = 0; i < arguments.Length; i++)
        {
            Load(i, arguments[i]);
        }

        Enter(number);
    }

    // One of the arguments is what the call before answered.
    private void CallWithResult(Number number, int resultAt, params Operand[] arguments)
    {
        Emit((byte[])(_is64Bit ? [0x89, resultAt == 0 ? (byte)0xC7 : (byte)0xC6] : [0x89, resultAt == 0 ? (byte)0xC3 : (byte)0xC1])); // mov edi or esi, eax; mov ebx or ecx, eax
        for (var i = 0; i < arguments.Length; i++)
        {
            if (i != resultAt)
            {
                Load(i, arguments[i]);
            }
        }

        Enter(number);
    }

    private void Load(int index, Operand value)
    {
        // rdi, rsi, rdx, r10, r8; ebx, ecx, edx, esi, edi
        Emit((byte[])((_is64Bit, index) switch
        {
            (true, 0) => [0xBF],
            (true, 1) => [0xBE],
            (true, 2) => [0xBA],
            (true, 3) => [0x41, 0xBA],
            (true, 4) => [0x41, 0xB8],
            (false, 0) => [0xBB],
            (false, 1) => [0xB9],
            (false, 2) => [0xBA],
            (false, 3) => [0xBE],
            (false, 4) => [0xBF],
            _ => throw new ArgumentOutOfRangeException(nameof(index)),
        }));
        Emit(value);
    }

    private void Enter(Number number)
    {
        Emit(0xB8, _is64Bit ? (int)number & 0xffff : (int)number >> 16); // mov eax, number
        Emit((byte[])(_is64Bit ? [0x0F, 0x05] : [0xCD, 0x80])); // syscall; int 0x80
    }

    private Operand Text(string text) => Data([.. GuestText.Encode(text), 0]);

    private Operand Pause()
    {
        var pause = new byte[_is64Bit ? 16 : 8];
        BinaryPrimitives.WriteInt32LittleEndian(pause.AsSpan(pause.Length / 2), PauseNanoseconds);
        return Data(pause);
    }

    private Operand Data(byte[] content)
    {
        while (_data.Count % 8 != 0)
        {
            _data.Add(0);
        }

        var offset = (uint)_data.Count;
        _data.AddRange(content);
        return new Operand(offset, Place.Data);
    }

    private static Operand Buffer => new(0, Place.Buffer);

    private void Emit(params ReadOnlySpan<byte> bytes) => _code.AddRange(bytes);

    private void Emit(byte instruction, Operand value)
    {
        Emit([instruction]);
        Emit(value);
    }

    private void Emit(Operand value)
    {
        if (value.Place != Place.None)
        {
            _fixups.Add(_code.Count);
        }

        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value.Place == Place.Buffer ? uint.MaxValue : value.Value);
        Emit(bytes);
    }

    private int Reserve()
    {
        Emit([0, 0, 0, 0]);
        return _code.Count - 4;
    }

    private void Patch(int at, int target)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, target - (at + 4));
        for (var i = 0; i < 4; i++)
        {
            _code[at + i] = bytes[i];
        }
    }

    // One segment that may be read, written and executed: headers, code, data, and behind the file's end the buffer for modules.
    private byte[] Link(int bufferLength)
    {
        var dataStart = (_headers + _code.Count + 15) / 16 * 16;
        var file = new byte[dataStart + _data.Count];
        _code.CopyTo(file, _headers);
        _data.CopyTo(file, dataStart);
        foreach (var at in _fixups)
        {
            var place = file.AsSpan(_headers + at);
            var offset = BinaryPrimitives.ReadUInt32LittleEndian(place);
            BinaryPrimitives.WriteUInt32LittleEndian(place, Base + (offset == uint.MaxValue ? BufferStart(file.Length) : (uint)dataStart + offset));
        }

        WriteHeaders(file, BufferStart(file.Length) + (uint)bufferLength);
        return file;
    }

    private static uint BufferStart(int fileLength) => ((uint)fileLength + 4095) / 4096 * 4096;

    private void WriteHeaders(Span<byte> file, uint memory)
    {
        "\u007fELF"u8.CopyTo(file);
        file[4] = _is64Bit ? (byte)2 : (byte)1;
        file[5] = 1; // little-endian
        file[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(file[16..], 2); // ET_EXEC
        BinaryPrimitives.WriteUInt16LittleEndian(file[18..], _is64Bit ? (ushort)62 : (ushort)3); // EM_X86_64, EM_386
        BinaryPrimitives.WriteUInt32LittleEndian(file[20..], 1);
        var entry = Base + (uint)_headers;
        if (_is64Bit)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(file[24..], entry);
            BinaryPrimitives.WriteUInt64LittleEndian(file[32..], 64); // program headers
            WriteSizes(file[52..], 64, 56);
            var segment = file[64..];
            BinaryPrimitives.WriteUInt32LittleEndian(segment, 1); // PT_LOAD
            BinaryPrimitives.WriteUInt32LittleEndian(segment[4..], 7);
            BinaryPrimitives.WriteUInt64LittleEndian(segment[16..], Base);
            BinaryPrimitives.WriteUInt64LittleEndian(segment[24..], Base);
            BinaryPrimitives.WriteUInt64LittleEndian(segment[32..], (ulong)file.Length);
            BinaryPrimitives.WriteUInt64LittleEndian(segment[40..], memory);
            BinaryPrimitives.WriteUInt64LittleEndian(segment[48..], 4096);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(file[24..], entry);
            BinaryPrimitives.WriteUInt32LittleEndian(file[28..], 52);
            WriteSizes(file[40..], 52, 32);
            var segment = file[52..];
            BinaryPrimitives.WriteUInt32LittleEndian(segment, 1);
            BinaryPrimitives.WriteUInt32LittleEndian(segment[8..], Base);
            BinaryPrimitives.WriteUInt32LittleEndian(segment[12..], Base);
            BinaryPrimitives.WriteUInt32LittleEndian(segment[16..], (uint)file.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(segment[20..], memory);
            BinaryPrimitives.WriteUInt32LittleEndian(segment[24..], 7);
            BinaryPrimitives.WriteUInt32LittleEndian(segment[28..], 4096);
        }
    }

    // e_ehsize, e_phentsize, e_phnum
    private static void WriteSizes(Span<byte> place, ushort header, ushort programHeader)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(place, header);
        BinaryPrimitives.WriteUInt16LittleEndian(place[2..], programHeader);
        BinaryPrimitives.WriteUInt16LittleEndian(place[4..], 1);
    }

    /// <summary>System calls: the number for 32 bit in the upper half, that for x86_64 in the lower.</summary>
    private enum Number
    {
        Read = (3 << 16) | 0,
        Write = (4 << 16) | 1,
        Open = (5 << 16) | 2,
        Nanosleep = (162 << 16) | 35,
        Execute = (11 << 16) | 59,
        Exit = (1 << 16) | 60,
        ChangeDirectory = (12 << 16) | 80,
        ChangeRoot = (61 << 16) | 161,
        Mount = (21 << 16) | 165,
        InitModule = (128 << 16) | 175,
    }

    private enum Place
    {
        None,
        Data,
        Buffer,
    }

    private readonly record struct Operand(uint Value, Place Place = Place.None)
    {
        public static implicit operator Operand(int value) => new((uint)value);
    }
}
