using System.Globalization;

namespace Rehost.WindowsRegistry.BootConfiguration;

/// <summary>An object of a boot configuration store: the boot manager, a loader, a resume entry, settings that others inherit.</summary>
public sealed class BcdObject
{
    private readonly RegistryKey _key;

    internal BcdObject(Guid id, RegistryKey key)
    {
        (Id, _key) = (id, key);
        Type = key.Find("Description")?.FindValue("Type") is { Kind: RegistryValueKind.Number, Data.Length: 4 } type ? (uint)type.AsNumber() : 0;
    }

    /// <summary>The object's id.</summary>
    public Guid Id { get; }

    /// <summary>What it is: 0x10100002 the boot manager, 0x10200003 a loader of Windows, and so on.</summary>
    public uint Type { get; }

    /// <summary>The elements in order of their types.</summary>
    public IEnumerable<BcdElement> Elements
    {
        get
        {
            foreach (var key in _key.Find("Elements")?.Subkeys ?? [])
            {
                if (uint.TryParse(key.Name, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var type) && key.FindValue(BcdElement.ValueName) is { } data)
                {
                    yield return new BcdElement(type, data);
                }
            }
        }
    }

    /// <summary>An element by its type; null when the object has none of it.</summary>
    public BcdElement? Find(uint type) => _key.Find($"Elements\\{type:X8}")?.FindValue(BcdElement.ValueName) is { } data ? new BcdElement(type, data) : null;

    /// <summary>Sets an element; one of the same type is replaced.</summary>
    public void Set(BcdElement element)
    {
        ArgumentNullException.ThrowIfNull(element);
        _key.Create($"Elements\\{element.Type:X8}").Set(element.Data with { Name = BcdElement.ValueName });
    }

    /// <summary>Removes an element; whether there was one.</summary>
    public bool Remove(uint type)
    {
        if (_key.Find($"Elements\\{type:X8}") is null)
        {
            return false;
        }

        _key.Demand("Elements").Remove($"{type:X8}");
        return true;
    }
}
