using Rehost.WindowsRegistry;

namespace Rehost.Pipeline.Registry;

/// <summary>Changes to an opened hive, which is written afterwards.</summary>
public static class RegistryEditing
{
    /// <summary>Sets a value; keys on the way are made.</summary>
    /// <returns>Values changed.</returns>
    /// <exception cref="Model.DiagnosticException">The words are not of the type (RGF002).</exception>
    public static int Set(OpenHive hive, string key, string name, string type, IReadOnlyList<string> words)
    {
        ArgumentNullException.ThrowIfNull(hive);
        var value = RegistryItem.Parse(name, type, words);
        hive.Hive.Root.Create(key).Set(value);
        return 1;
    }

    /// <summary>Removes a value, or a key with all below it.</summary>
    /// <exception cref="Model.DiagnosticException">There is none (REG006).</exception>
    public static int Remove(OpenHive hive, string key, string? name)
    {
        ArgumentNullException.ThrowIfNull(hive);
        ArgumentNullException.ThrowIfNull(key);
        if (name is not null)
        {
            var holder = hive.Hive.Root.Demand(key);
            holder.DemandValue(name);
            holder.RemoveValue(name);
            return 1;
        }

        var path = key.Trim('\\');
        var slash = path.LastIndexOf('\\');
        hive.Hive.Root.Demand(slash < 0 ? "" : path[..slash]).Remove(path[(slash + 1)..]);
        return 1;
    }

    /// <summary>Carries out a .reg file.</summary>
    /// <returns>Keys and values changed.</returns>
    /// <exception cref="Model.DiagnosticException">It cannot be understood, or is for another hive (REG010).</exception>
    public static int Import(OpenHive hive, byte[] file, string? prefix)
    {
        ArgumentNullException.ThrowIfNull(hive);
        return RegFileReader.Apply(hive.Hive, RegFileReader.Read(file), prefix ?? hive.DefaultPrefix);
    }
}
