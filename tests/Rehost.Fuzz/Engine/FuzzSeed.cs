namespace Rehost.Fuzz.Engine;

/// <summary>A valid sample that mutations start from.</summary>
/// <param name="Name">What it is, for people.</param>
/// <param name="Content">Its bytes.</param>
internal sealed record FuzzSeed(string Name, byte[] Content)
{
    public static FuzzSeed Of(string name, string text) => new(name, Rehost.Model.GuestText.Encode(text));
}
