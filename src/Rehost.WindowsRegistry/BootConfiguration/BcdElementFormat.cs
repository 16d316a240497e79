namespace Rehost.WindowsRegistry.BootConfiguration;

/// <summary>What an element's data is: the second hexadecimal digit of its type.</summary>
public enum BcdElementFormat
{
    /// <summary>Something unknown.</summary>
    Unknown = 0,

    /// <summary>A device.</summary>
    Device = 1,

    /// <summary>Text.</summary>
    Text = 2,

    /// <summary>The id of an object.</summary>
    ObjectId = 3,

    /// <summary>Ids of objects.</summary>
    ObjectIds = 4,

    /// <summary>A number.</summary>
    Number = 5,

    /// <summary>Yes or no.</summary>
    Flag = 6,

    /// <summary>Numbers.</summary>
    Numbers = 7,
}
