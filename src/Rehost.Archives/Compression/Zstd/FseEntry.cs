namespace Rehost.Archives;

/// <summary>One state: the symbol it stands for, and how the next state is found.</summary>
internal readonly record struct FseEntry(byte Symbol, byte Bits, ushort Baseline);
