namespace Rehost.FileSystems.Ntfs;

/// <summary>Kinds of attributes that have a meaning here.</summary>
internal static class AttributeType
{
    internal const uint StandardInformation = 0x10;
    internal const uint AttributeList = 0x20;
    internal const uint FileName = 0x30;
    internal const uint ObjectId = 0x40;
    internal const uint SecurityDescriptor = 0x50;
    internal const uint VolumeName = 0x60;
    internal const uint VolumeInformation = 0x70;
    internal const uint Data = 0x80;
    internal const uint IndexRoot = 0x90;
    internal const uint IndexAllocation = 0xA0;
    internal const uint Bitmap = 0xB0;
    internal const uint ReparsePoint = 0xC0;
    internal const uint End = 0xFFFFFFFF;
}
